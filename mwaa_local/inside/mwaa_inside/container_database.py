"""Makes the metadata database of a Compose environment ready: its schema, and the user `admin`.

    MWAA_LOCAL_DATABASE_URL=... python3 -m mwaa_inside.container_database [OLDER]

The schema is loaded from what the image holds of it, which takes a second; without that Airflow's own commands make it.
A comment on it says which Airflow has made it, so that the next start need not import Airflow to know. With the version
of an older Airflow, the schema is taken back for that instead, which then makes it its own.
"""

import os
import sys
import time

import psycopg2

from mwaa_inside import create_schema
from mwaa_inside.container_waiting import say_migrated
from mwaa_inside.database import URL, plain_url, set_admin

PASSWORD = "MWAA_LOCAL_ADMIN_PASSWORD"  # noqa: S105 (a name)
SCHEMA = "/opt/mwaa-local/schema.sql"
PATIENCE = 60.0
LOCK = 7362517
"""Of PostgreSQL's advisory locks: two migrations at a time would get in each other's way."""


def main():
    """Make the database ready; return the exit code."""
    url = plain_url(os.environ.pop(URL))
    password = os.environ.pop(PASSWORD, "")
    mark = "mwaa-local Airflow {}".format(os.environ["AIRFLOW_VERSION"])
    connection = connect(url)
    connection.autocommit = True
    older = sys.argv[1:]
    if older:
        take_back(connection, older[0])
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        found = mark_of(cursor)
        if found != mark:
            if found is not None or not load_schema(cursor, SCHEMA):
                sys.argv[1:] = [] if found is None else ["upgrade"]
                create_schema.main()
            cursor.execute("COMMENT ON SCHEMA public IS %s", (mark,))
    connection.close()
    if password:
        with connect(url) as transaction, transaction.cursor() as cursor:
            set_admin(cursor, password)
    say_migrated()
    return 0


def take_back(connection, older):
    """Take the schema back for an older Airflow."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        sys.argv[1:] = ["downgrade", older]
        create_schema.main()
    connection.close()


def connect(url):
    """Return a connection; PostgreSQL may take connections a moment before it serves."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return psycopg2.connect(url, connect_timeout=10)
        except psycopg2.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def mark_of(cursor):
    """Return who made the schema: our mark, "" for tables without one, None for an empty database."""
    cursor.execute("SELECT obj_description('public'::regnamespace, 'pg_namespace')")
    text = cursor.fetchone()[0] or ""
    if text.startswith("mwaa-local "):
        return text
    cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    return "" if cursor.fetchone()[0] else None


def load_schema(cursor, path):
    """Load the statements of a dump, all or nothing; tell whether that was possible."""
    try:
        with open(path, encoding="utf-8") as stream:
            statements = stream.read()
        # Several statements at once are one transaction.
        cursor.execute(statements)
    except OSError:
        return False
    except psycopg2.Error as error:
        print("mwaa-local: the image's schema does not fit this PostgreSQL: {}".format(error), flush=True)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
