#!/bin/bash
# Both documents' backups of one server, written so that a failure cannot look like a success:
# a name is given to a file only when it is whole, and a pipe fails when any part of it does.
set -euo pipefail

: "${PGHOST:?}" "${PGUSER:?}" "${PGPASSWORD:?}" "${PGDATABASE:?}"
folder=/backups/postgres
stamp=$(date -u +%Y%m%d_%H%M%S)
mkdir -p "$folder"
cd "$folder"

# insitechart: one database, custom format, then gzip; roles are not in it, so they are dumped beside it
pg_dump --format=custom --compress=9 --file=custom.partial
gzip custom.partial
pg_dumpall --globals-only --file=globals.partial

# SmartSensor: the whole server as SQL
pg_dumpall | gzip > all.partial
gzip --test all.partial
gunzip --stdout all.partial | tail -n 5 | grep --quiet 'PostgreSQL database cluster dump complete'

mv custom.partial.gz "insitechart_backup_$stamp.sql.gz"
mv globals.partial "insitechart_globals_$stamp.sql"
mv all.partial "postgresql_backup_$stamp.sql.gz"
sync
echo "$stamp"
