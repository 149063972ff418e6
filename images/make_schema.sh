#!/bin/sh
# Makes the schema of Airflow's database in a container that is thrown away, in a PostgreSQL of its own, and writes it
# down as SQL: a start in containers loads that in a second, where Airflow's migrations take ten.
#
#     make_schema.sh FILE
set -e
umask 0000
export DEBIAN_FRONTEND=noninteractive
install -d /etc/postgresql-common
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends postgresql

programs="$(ls -d /usr/lib/postgresql/*/bin)"
folder="$(mktemp -d)"
chown postgres "$folder"
as_postgres() { program="$1"; shift; setpriv --reuid postgres --regid postgres --clear-groups "$programs/$program" "$@"; }

as_postgres initdb -D "$folder/data" -U airflow -E UTF8 --locale=C --auth=trust --no-sync > /dev/null
as_postgres pg_ctl -D "$folder/data" -l "$folder/log" -w start \
    -o "-c listen_addresses= -c unix_socket_directories=$folder -c fsync=off" > /dev/null
as_postgres createdb -h "$folder" -U airflow airflow

export AIRFLOW_HOME="$folder/airflow"
export AIRFLOW__CORE__SQL_ALCHEMY_CONN="postgresql+psycopg2://airflow@/airflow?host=$folder"
export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="$AIRFLOW__CORE__SQL_ALCHEMY_CONN"
export AIRFLOW__CORE__LOAD_EXAMPLES=False
# The size of default_pool on MWAA, by its name of today and of Airflow up to 2.1.
export AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT=10000 AIRFLOW__CORE__NON_POOLED_TASK_SLOT_COUNT=10000
if ! python3 -m mwaa_inside.create_schema > "$folder/said" 2>&1; then
    tail -n 30 "$folder/said"
    exit 1
fi

# Without what only psql understands.
as_postgres pg_dump -h "$folder" -U airflow --inserts --rows-per-insert=500 --no-owner --no-privileges airflow \
    | sed '/^\\/d' > "$1"
as_postgres pg_ctl -D "$folder/data" -m immediate stop > /dev/null
