#!/bin/bash
# Before the server starts: the base backup into an empty volume, and word how far to replay the archive.
# restore.sh TARGET: nothing (a new server), end (of the archive), or a moment as PostgreSQL writes it
set -euo pipefail

target=$1
[ "$target" = nothing ] && exit 0
[ -e "$PGDATA/PG_VERSION" ] && exit 0

mkdir -p "$PGDATA.partial"
tar -xzf /archive/base/base.tar.gz -C "$PGDATA.partial"
cat >> "$PGDATA.partial/postgresql.auto.conf" <<EOF
archive_mode = off
restore_command = 'cp /archive/wal/%f "%p"'
recovery_target_action = 'promote'
EOF
[ "$target" = end ] || echo "recovery_target_time = '$target'" >> "$PGDATA.partial/postgresql.auto.conf"
touch "$PGDATA.partial/recovery.signal"
chown -R postgres: "$PGDATA.partial"
chmod 700 "$PGDATA.partial"
mv "$PGDATA.partial" "$PGDATA"
