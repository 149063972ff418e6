"""Exports and imports connections, variables and pools, straight from and to the metadata database.

`python -m mwaa_inside.objects` with a request such as `{"action": "export", "kind": "connections"}`; entries are JSON
objects that hold every field as it is stored, secrets decrypted. An import is one transaction: all entries or none.
Airflow's own commands lose fields (empty texts, descriptions, the exact text of a variable). Runs on Python 3.7 and up.
"""

# ruff: noqa: B905, S608 - no strict zip in Python 3.7; what is put into SQL is chosen here, values are bound

import os
import sys

from mwaa_inside.channel import RequestFailed, serve
from mwaa_inside.metadata import Database

_INT32 = 2**31 - 1


class Field:
    """One field of an entry: its column, and the column that says whether it is stored encrypted."""

    def __init__(self, column, encrypted="", kind=str, required=False, limit=None):
        self.column = column
        self.encrypted = encrypted
        self.kind = kind
        self.required = required
        self.limit = limit

    def problem(self, value):
        """Say why `value` cannot be stored, or return an empty text."""
        if value is None:
            return "is missing" if self.required else ""
        if not isinstance(value, self.kind) or (self.kind is int and isinstance(value, bool)):
            return "must be %s" % {str: "a text", int: "a whole number", bool: "true or false"}[self.kind]
        if self.kind is str and "\0" in value:
            return "holds a NUL character, which the database cannot store"
        if self.kind is str and self.limit and len(value) > self.limit:
            return "is longer than %d characters" % self.limit
        if self.kind is int and not -1 <= value <= _INT32:
            return "must be between -1 and %d" % _INT32
        return ""


class Kind:
    """A table of objects; the first field names the object."""

    def __init__(self, noun, table, fields):
        self.noun = noun
        self.table = table
        self.fields = fields
        self.name = next(iter(fields))

    def present(self, database):
        """Return the fields that this Airflow version stores (1.10 has no descriptions, 2.6 no include_deferred)."""
        columns = database.columns(self.table)
        return {name: field for name, field in self.fields.items() if field.column in columns}


KINDS = {
    "connections": Kind(
        "connection",
        "connection",
        {
            "conn_id": Field("conn_id", required=True, limit=250),
            "conn_type": Field("conn_type", required=True, limit=500),
            "description": Field("description", limit=5000),
            "host": Field("host", limit=500),
            "login": Field("login"),
            "password": Field("password", encrypted="is_encrypted"),
            "schema": Field("schema", limit=500),
            "port": Field("port", kind=int),
            "extra": Field("extra", encrypted="is_extra_encrypted"),
        },
    ),
    "variables": Kind(
        "variable",
        "variable",
        {
            "key": Field("key", required=True, limit=250),
            "value": Field("val", encrypted="is_encrypted"),
            "description": Field("description"),
        },
    ),
    "pools": Kind(
        "pool",
        "slot_pool",
        {
            "name": Field("pool", required=True, limit=256),
            "slots": Field("slots", kind=int, required=True),
            "description": Field("description"),
            "include_deferred": Field("include_deferred", kind=bool),
        },
    ),
}


class Secrets:
    """Encrypts and decrypts as Airflow does: Fernet with the first configured key, or not at all without one."""

    def __init__(self):
        from cryptography.fernet import Fernet, MultiFernet

        keys = [key.strip() for key in self._configured().split(",") if key.strip()]
        self._fernet = MultiFernet([Fernet(key.encode()) for key in keys]) if keys else None

    @staticmethod
    def _configured():
        # Where the environment says it, Airflow need not be imported to know.
        if os.environ.get("AIRFLOW__CORE__FERNET_KEY"):
            return os.environ["AIRFLOW__CORE__FERNET_KEY"]
        from airflow.configuration import conf

        return conf.get("core", "fernet_key") or ""

    def seal(self, value):
        """Return what to store for a secret text and whether that is encrypted; Airflow never encrypts an empty one."""
        if not value or self._fernet is None:
            return value, False
        return self._fernet.encrypt(value.encode()).decode(), True

    def open(self, value, encrypted, what):
        """Return the text behind a stored value."""
        if not value or not encrypted:
            return value
        from cryptography.fernet import InvalidToken

        hint = "Use the environment's own Fernet key, or set the value anew."
        if self._fernet is None:
            raise RequestFailed("%s is encrypted and there is no Fernet key." % what, hint)
        try:
            return self._fernet.decrypt(value.encode()).decode()
        except InvalidToken:
            raise RequestFailed("%s was encrypted with another Fernet key." % what, hint) from None


def export_objects(kind, database):
    """Return every object of a kind as entries, sorted by name."""
    fields, secrets = kind.present(database), Secrets()
    names = [field.column for field in fields.values()]
    flags = [field.encrypted for field in fields.values() if field.encrypted]
    columns = names + flags
    sql = "SELECT %s FROM %s ORDER BY %s, id" % (_quoted(columns), kind.table, _quoted([names[0]]))
    entries = []
    for row in database.rows(sql):
        stored = dict(zip(columns, row))
        what = "The %s %r" % (kind.noun, stored[names[0]])
        entries.append(
            {name: _opened(stored, field, secrets, "%s: %s" % (what, name)) for name, field in fields.items()}
        )
    return sorted(entries, key=lambda entry: entry[kind.name])


def _opened(stored, field, secrets, what):
    value = stored[field.column]
    if field.encrypted:
        return secrets.open(value, stored[field.encrypted], what)
    # SQLite stores booleans as numbers.
    return bool(value) if field.kind is bool and value is not None else value


def import_objects(kind, entries, keep_existing, database):
    """Create or update every entry in one transaction; return the names under what was done with them."""
    fields, secrets = kind.present(database), Secrets()
    for entry in entries:
        check_entry(kind, entry, fields)
    done = {"created": [], "updated": [], "kept": []}
    with database.write() as transaction:
        for entry in entries:
            done[_store(kind, entry, fields, secrets, keep_existing, transaction)].append(entry[kind.name])
    return done


def check_entry(kind, entry, present):
    """Refuse an entry that this Airflow cannot store without losing something."""
    if not isinstance(entry, dict) or not isinstance(entry.get(kind.name), str) or not entry[kind.name]:
        raise RequestFailed("A %s has no %s." % (kind.noun, kind.name), "Give each entry a name.")
    name = entry[kind.name]
    for field, value in entry.items():
        if field not in kind.fields:
            raise _invalid(kind, name, "%r is no field of a %s" % (field, kind.noun))
        if field not in present and value not in (None, "", False):
            raise _invalid(kind, name, "this Airflow version stores no %r" % field)
    for field, rule in kind.fields.items():
        problem = rule.problem(entry.get(field))
        if problem:
            raise _invalid(kind, name, "%s %s" % (field, problem))


def _invalid(kind, name, problem):
    return RequestFailed(
        "The %s %r cannot be imported: %s." % (kind.noun, name, problem),
        "Correct this entry and import again; nothing was changed.",
        entry=name,
    )


def _store(kind, entry, fields, secrets, keep_existing, transaction):
    """Create or update one object; return `created`, `updated` or `kept`."""
    from sqlalchemy.exc import SQLAlchemyError

    key = fields[kind.name].column
    values = _column_values(entry, fields, secrets)
    try:
        where = ' WHERE "%s" = :%s' % (key, key)
        exists = transaction.rows("SELECT 1 FROM %s%s" % (kind.table, where), **{key: values[key]})
        if exists and keep_existing:
            return "kept"
        if exists:
            changes = ", ".join('"%s" = :%s' % (column, column) for column in values if column != key)
            transaction.execute("UPDATE %s SET %s%s" % (kind.table, changes, where), **values)
            return "updated"
        marks = ", ".join(":" + column for column in values)
        transaction.execute(
            "INSERT INTO %s (%s) VALUES (%s)" % (kind.table, _quoted(values), marks), **values
        )
        return "created"
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise _invalid(kind, entry[kind.name], "the database refuses it (%s)" % reason) from None


def _column_values(entry, fields, secrets):
    values = {}
    for name, field in fields.items():
        value = entry.get(name)
        if field.encrypted:
            values[field.column], values[field.encrypted] = secrets.seal(value)
        else:
            values[field.column] = bool(value) if field.kind is bool else value
    return values


def _quoted(columns):
    return ", ".join('"%s"' % column for column in columns)


def answer(request, channel):
    """Do what the request asks for."""
    kind = KINDS.get(request.get("kind"))
    if kind is None:
        raise RequestFailed("There are %s, but no %r." % (", ".join(KINDS), request.get("kind")))
    if request.get("action") == "export":
        channel.send("exported", entries=export_objects(kind, Database()))
    elif request.get("action") == "import":
        entries, keep = request.get("entries", []), bool(request.get("keep_existing"))
        channel.send("imported", **import_objects(kind, entries, keep, Database()))
    else:
        raise RequestFailed("The action is neither export nor import: %r." % request.get("action"))
    return 0


if __name__ == "__main__":
    sys.exit(serve("objects", answer))
