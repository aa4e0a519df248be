# Database, table and number of rows of each COPY block of a dump by pg_dumpall; part of hankook/backup-tools.
/^\\connect / { database = $2 }
/^COPY / { table = database "." $2; rows = 0; next }
table != "" && /^\\\.$/ { print table, rows; table = ""; next }
table != "" { rows++ }
