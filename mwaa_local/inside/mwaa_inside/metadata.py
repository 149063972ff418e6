"""Airflow's metadata database by plain SQL: the few tables that mwaa-local reads and writes, in every Airflow version.

The models of Airflow cost a second to import and change their names; these tables have hardly changed. Runs on
Python 3.7 and up, with the SQLAlchemy of the environment (1.3 to 2.0).
"""

import datetime
import os
import re


class Database:
    """The metadata database that Airflow is configured for."""

    def __init__(self):
        self._engine = _engine()
        self._columns = {}

    def rows(self, sql, **values):
        """Return the rows of a query as tuples."""
        with self._engine.connect() as connection:
            return Transaction(connection).rows(sql, **values)

    def write(self):
        """Return a context manager: a Transaction that is rolled back when its block raises."""
        return _Writing(self._engine)

    def columns(self, table):
        """Return the names of the columns that this version's table has; empty if there is no such table."""
        if table not in self._columns:
            from sqlalchemy import inspect
            from sqlalchemy.exc import NoSuchTableError

            try:
                found = inspect(self._engine).get_columns(table)
            except NoSuchTableError:
                found = []
            self._columns[table] = {column["name"] for column in found}
        return self._columns[table]


def _engine():
    """Return an engine for the configured database, without Airflow where the environment names it (a second less)."""
    names = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CORE__SQL_ALCHEMY_CONN")
    url = next((os.environ[name] for name in names if os.environ.get(name)), None)
    if url:
        from sqlalchemy import create_engine

        return create_engine(url)
    from airflow import settings

    if settings.engine is None:
        settings.configure_orm()
    return settings.engine


class Transaction:
    """SQL on one connection."""

    def __init__(self, connection):
        self._connection = connection

    def rows(self, sql, **values):
        """Return the rows of a query as tuples."""
        from sqlalchemy import text

        return [tuple(row) for row in self._connection.execute(text(sql), values).fetchall()]

    def execute(self, sql, **values):
        """Run a statement and return how many rows it changed."""
        from sqlalchemy import text

        return self._connection.execute(text(sql), values).rowcount


class _Writing:
    def __init__(self, engine):
        self._begun = engine.begin()

    def __enter__(self):
        return Transaction(self._begun.__enter__())

    def __exit__(self, *failure):
        return self._begun.__exit__(*failure)


def moment(value):
    """Return a stored time as an aware datetime: PostgreSQL hands over datetimes, SQLite texts in UTC."""
    if isinstance(value, str):
        value = re.sub(r"([+-]\d\d):?(\d\d)$", r"\1:\2", value.replace("T", " "))
        value = datetime.datetime.fromisoformat(value)
    if value is not None and value.tzinfo is None:
        value = value.replace(tzinfo=datetime.timezone.utc)
    return value


def iso(value):
    """Return a stored time as ISO text in UTC, or None."""
    value = moment(value)
    return value.astimezone(datetime.timezone.utc).isoformat() if value else None
