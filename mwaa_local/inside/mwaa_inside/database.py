"""Asks and changes the metadata database without importing Airflow: starts in a tenth of a second on every version.

    MWAA_LOCAL_DATABASE_URL=... python database.py summary        JSON to standard output
    MWAA_LOCAL_DATABASE_URL=... python database.py next-summary   the same; {"seen": "...", "patience": 2.5} as input
    MWAA_LOCAL_DATABASE_URL=... python database.py set-admin      {"password": "..."} as standard input

`next-summary` waits until DAGs or import errors are others than in the summary with the mark `seen`, for `patience`
seconds at most: that costs less than starting this program again. `set-admin` makes or updates the user `admin` of
Airflow's own login (Flask-AppBuilder: 1.10 with RBAC, 2.x) and answers {"changed": false} where this database has none.
"""

import hashlib
import json
import os
import secrets
import sys
import time

import psycopg2

URL = "MWAA_LOCAL_DATABASE_URL"
ADMIN = "admin"
# What every Werkzeug of Airflow 1.10 to 2.x can check; the number of rounds is read from the stored text.
ROUNDS = 150000
LOOK_EVERY = 0.1


def main(arguments):
    """Run one command; the exit code is 1 with a reason on standard error where the database cannot be used."""
    try:
        connection = psycopg2.connect(plain_url(os.environ[URL]), connect_timeout=10)
        try:
            answer = answer_of(arguments, connection)
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise SystemExit("The metadata database cannot be used: {}".format(str(error).strip())) from None
    json.dump(answer, sys.stdout)


def answer_of(arguments, connection):
    """Return what a command answers."""
    if arguments == ["next-summary"]:
        asked = json.load(sys.stdin)
        return next_summary(connection, asked["seen"], asked["patience"])
    with connection, connection.cursor() as cursor:
        if arguments == ["summary"]:
            return summary(cursor)
        if arguments == ["set-admin"]:
            return set_admin(cursor, json.load(sys.stdin)["password"])
    raise SystemExit("usage: database.py summary | next-summary | set-admin")


def plain_url(url):
    """Return SQLAlchemy's URL as PostgreSQL's own library reads it."""
    return url.replace("postgresql+psycopg2://", "postgresql://", 1)


def next_summary(connection, seen, patience):
    """Return the first summary whose mark is not `seen`, or the last one within `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        # A transaction each, or the database's clock would stand still.
        with connection, connection.cursor() as cursor:
            is_other = mark_of(find_dags(cursor), find_import_errors(cursor)) != seen
            if is_other or time.monotonic() > deadline:
                return summary(cursor)
        time.sleep(LOOK_EVERY)


def mark_of(dags, import_errors):
    """Return what tells summaries apart."""
    return hashlib.sha256(json.dumps([dags, import_errors]).encode("utf-8")).hexdigest()


def summary(cursor):
    """Return DAGs, import errors, counts, and the latest heartbeat of each kind of job."""
    dags = find_dags(cursor)
    import_errors = find_import_errors(cursor)
    return {
        "mark": mark_of(dags, import_errors),
        "dags": dags,
        "import_errors": import_errors,
        "counts": {
            "dags": len(dags),
            "active_dags": sum(1 for dag in dags if dag["is_active"]),
            "paused_dags": sum(1 for dag in dags if dag["is_active"] and dag["is_paused"]),
            "import_errors": len(import_errors),
            "dag_runs": count_by_state(cursor, "dag_run"),
            "task_instances": count_by_state(cursor, "task_instance"),
        },
        "jobs": find_jobs(cursor),
    }


def find_dags(cursor):
    """Return every DAG that the database knows; `is_active` is false once its file no longer defines it."""
    # Up to 2.x the table says is_active, from 3.0 on is_stale.
    known = columns(cursor, "dag")
    active = "NOT is_stale" if "is_stale" in known else "is_active"
    parsed = "EXTRACT(EPOCH FROM last_parsed_time)::float8" if "last_parsed_time" in known else "NULL"
    cursor.execute(
        "SELECT dag_id, is_paused, COALESCE({}, FALSE), fileloc, {} FROM dag ORDER BY dag_id".format(  # noqa: S608
            active, parsed
        )
    )
    return [
        {
            "dag_id": dag_id,
            "is_paused": bool(is_paused),
            "is_active": is_active,
            "fileloc": fileloc,
            "parsed": when,
        }
        for dag_id, is_paused, is_active, fileloc, when in cursor.fetchall()
    ]


def find_import_errors(cursor):
    """Return the files that cannot be imported, with the reason."""
    cursor.execute(
        "SELECT filename, stacktrace, EXTRACT(EPOCH FROM timestamp)::float8 FROM import_error ORDER BY filename"
    )
    return [
        {"filename": filename, "stacktrace": stacktrace, "parsed": when}
        for filename, stacktrace, when in cursor.fetchall()
    ]


def count_by_state(cursor, table):
    """Return how many rows of one of our tables are in each state."""
    cursor.execute("SELECT COALESCE(state, 'none'), count(*) FROM {} GROUP BY 1 ORDER BY 1".format(table))  # noqa: S608
    return dict(cursor.fetchall())


def find_jobs(cursor):
    """Return for each kind of job the one that gave the latest sign of life, and how many seconds ago that was."""
    cursor.execute(
        "SELECT DISTINCT ON (job_type) job_type, state, hostname, latest_heartbeat::text,"
        " EXTRACT(EPOCH FROM now() - latest_heartbeat)::float8"
        " FROM job WHERE job_type IS NOT NULL ORDER BY job_type, latest_heartbeat DESC NULLS LAST"
    )
    return [
        {"job_type": kind, "state": state, "hostname": hostname, "latest_heartbeat": beat, "seconds_ago": ago}
        for kind, state, hostname, beat, ago in cursor.fetchall()
    ]


def set_admin(cursor, password):
    """Make or update the user `admin` with the role Admin; needs the roles that the version's own commands made."""
    if not columns(cursor, "ab_user"):
        return {"changed": False}
    # Two that do this at once wait for each other: the second then updates what the first has made.
    cursor.execute("LOCK TABLE ab_user IN SHARE ROW EXCLUSIVE MODE")
    cursor.execute("SELECT id FROM ab_role WHERE name = 'Admin'")
    role = cursor.fetchone()
    if role is None:
        raise SystemExit("The metadata database has no role Admin: its schema was not completed.")
    hashed = hash_password(password)
    cursor.execute("SELECT id FROM ab_user WHERE username = %s", (ADMIN,))
    user = cursor.fetchone()
    if user is None:
        cursor.execute(
            "INSERT INTO ab_user (id, first_name, last_name, username, password, active, email, login_count,"
            " fail_login_count, created_on, changed_on) VALUES"
            " (nextval('ab_user_id_seq'), 'Local', 'Admin', %s, %s, TRUE, 'admin@localhost', 0, 0, now(), now())"
            " RETURNING id",
            (ADMIN, hashed),
        )
        user = cursor.fetchone()
    else:
        cursor.execute(
            "UPDATE ab_user SET password = %s, active = TRUE, fail_login_count = 0 WHERE id = %s",
            (hashed, user[0]),
        )
    cursor.execute(
        "INSERT INTO ab_user_role (id, user_id, role_id) SELECT nextval('ab_user_role_id_seq'), %s, %s"
        " WHERE NOT EXISTS (SELECT 1 FROM ab_user_role WHERE user_id = %s AND role_id = %s)",
        (user[0], role[0], user[0], role[0]),
    )
    return {"changed": True}


def hash_password(password):
    """Return the text that Werkzeug's `check_password_hash` takes: pbkdf2 over SHA-256."""
    salt = secrets.token_hex(8)
    digest = hashlib.pbkdf2_hmac("sha256", password.encode("utf-8"), salt.encode("ascii"), ROUNDS)
    return "pbkdf2:sha256:{}${}${}".format(ROUNDS, salt, digest.hex())


def columns(cursor, table):
    """Return the names of a table's columns; none if there is no such table."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = %s",
        (table,),
    )
    return {row[0] for row in cursor.fetchall()}


if __name__ == "__main__":
    main(sys.argv[1:])
