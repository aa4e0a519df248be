#!/bin/bash
# Images for the drill mysql-restored on machines that reach package registries only. Needs Docker, mmdebstrap and
# Python 3.11, the Python of Debian 12. Elsewhere mysql:8.0, amazon/aws-cli:2.15.0 and any S3 server do.
#   local/mariadb:10.11  MariaDB from Debian's packages in the role of mysql:8.0: the same variables, the same commands
#   local/s3:v1          moto's S3 server and the AWS command line from PyPI, in the roles of S3 and amazon/aws-cli
set -euo pipefail

PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
have() { docker image inspect "$1" >/dev/null 2>&1; }
export DOCKER_BUILDKIT=0

# debian TAG PACKAGES: a root file system as an image
debian() {
  local strip=(--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*'
    --dpkgopt='path-exclude=/usr/share/locale/*')
  mmdebstrap --quiet --variant=minbase --include="$2" "${strip[@]}" bookworm "$work/root.tar"
  docker import "$work/root.tar" "$1" >/dev/null
  rm "$work/root.tar"
}

if ! have local/mariadb:10.11; then
  debian mariadb-root:local mariadb-server,mariadb-client
  mkdir "$work/mariadb"
  cat > "$work/mariadb/start" <<'START'
#!/bin/bash
# As the entry point of mysql:8.0: an empty data directory gets the root password, the database and its user.
set -euo pipefail
data=/var/lib/mysql
mkdir -p /run/mysqld && chown mysql: /run/mysqld "$data"
options=()
if [ ! -d "$data/mysql" ]; then
  mariadb-install-db --user=mysql --datadir="$data" --skip-test-db >/dev/null
  init=/run/mysqld/init.sql
  install -m 600 -o mysql /dev/null "$init"
  cat > "$init" <<SQL
ALTER USER root@localhost IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';
CREATE USER root@'%' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';
GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
CREATE DATABASE \`$MYSQL_DATABASE\` CHARACTER SET utf8mb4;
CREATE USER '$MYSQL_USER'@'%' IDENTIFIED BY '$MYSQL_PASSWORD';
GRANT ALL ON \`$MYSQL_DATABASE\`.* TO '$MYSQL_USER'@'%';
SQL
  options=(--init-file="$init")
fi
exec mariadbd --user=mysql --datadir="$data" --bind-address=0.0.0.0 --skip-name-resolve \
  --event-scheduler=ON --character-set-server=utf8mb4 "${options[@]}"
START
  # an option of MySQL alone, which changes nothing where there are no GTIDs of MySQL
  cat > "$work/mariadb/mysqldump" <<'DUMP'
#!/bin/bash
kept=()
for each in "$@"; do [ "$each" = --set-gtid-purged=OFF ] || kept+=("$each"); done
exec /usr/bin/mariadb-dump "${kept[@]}"
DUMP
  chmod +x "$work/mariadb"/*
  cat > "$work/mariadb/Dockerfile" <<'FILE'
FROM mariadb-root:local
RUN rm -rf /var/lib/mysql/* /etc/mysql/mariadb.conf.d/50-server.cnf
COPY start mysqldump /usr/local/bin/
ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENTRYPOINT ["/usr/local/bin/start"]
FILE
  docker build --quiet --tag local/mariadb:10.11 "$work/mariadb"
fi

if ! have local/s3:v1; then
  debian s3-root:local python3,ca-certificates
  mkdir -p "$work/s3"
  "$python" -m pip install --quiet --only-binary=:all: --target="$work/s3/packages" 'moto[s3,server]==5.2.5' awscli
  find "$work/s3/packages/botocore/data" -mindepth 1 -maxdepth 1 -type d ! -name s3 ! -name sts -exec rm -r {} +
  rm -r "$work/s3/packages/awscli/examples"
  printf '#!/bin/sh\nexec python3 -m awscli "$@"\n' > "$work/s3/aws.sh"
  chmod +x "$work/s3/aws.sh"
  cat > "$work/s3/Dockerfile" <<'FILE'
FROM s3-root:local
COPY packages /usr/lib/python3/dist-packages
COPY aws.sh /usr/local/bin/aws
ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENTRYPOINT ["python3", "-m", "moto.server", "--host=0.0.0.0", "--port=5000"]
FILE
  docker build --quiet --tag local/s3:v1 "$work/s3"
fi
