#!/bin/sh
# Makes the schema of Airflow's database in a PostgreSQL that is thrown away, and writes it down as SQL: a start in
# containers loads that in a second, where Airflow's migrations take ten.
#
#     make_schema.sh CREATE_SCHEMA FILE
set -e
umask 0000
programs="$(ls -d /usr/lib/postgresql/*/bin)"
folder="$(mktemp -d)"
chown postgres "$folder"
as_postgres() { program="$1"; shift; setpriv --reuid postgres --regid postgres --clear-groups "$programs/$program" "$@"; }

as_postgres initdb -D "$folder/data" -U airflow -E UTF8 --locale=C --auth=trust --no-sync > /dev/null
as_postgres pg_ctl -D "$folder/data" -l "$folder/log" -w start \
    -o "-c listen_addresses= -c unix_socket_directories=$folder -c fsync=off" > /dev/null
as_postgres createdb -h "$folder" -U airflow airflow

export HOME=/usr/local/airflow AIRFLOW_HOME="$folder/airflow" LC_ALL=C.UTF-8
export AIRFLOW__CORE__SQL_ALCHEMY_CONN="postgresql+psycopg2://airflow@/airflow?host=$folder"
export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="$AIRFLOW__CORE__SQL_ALCHEMY_CONN"
export AIRFLOW__CORE__LOAD_EXAMPLES=False
# The size of default_pool on MWAA, by its name of today and of Airflow up to 2.1.
export AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT=10000 AIRFLOW__CORE__NON_POOLED_TASK_SLOT_COUNT=10000
if ! python3 "$1" > "$folder/said" 2>&1; then
    tail -n 30 "$folder/said"
    exit 1
fi

# Without what only psql understands.
as_postgres pg_dump -h "$folder" -U airflow --inserts --rows-per-insert=500 --no-owner --no-privileges airflow \
    | sed '/^\\/d' > "$2"
as_postgres pg_ctl -D "$folder/data" -m immediate stop > /dev/null
rm -rf "$folder"
