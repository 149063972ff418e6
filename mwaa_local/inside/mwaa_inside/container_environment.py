"""The variables of a role in its container: what it is told, what the startup script exported, in MWAA's order.

Python 3.7 and up, with the standard library.
"""

import json
import os

INSIDE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REMEMBERED = "/run/mwaa-local-role/environment.json"
"""The environment of the role that runs here, for commands that come later; root's alone."""
BEATS = "/run/mwaa-local"
OF_A_CALL = ("TERM", "COLUMNS", "LINES", "NO_COLOR", "MWAA_LOCAL_REQUEST")
"""What a command gets from whoever calls it, not from the role."""


def role_environment(orders, role, exports):
    """Return the variables of a role: each later part wins, and a script cannot set what is reserved or fixed."""
    fixed, own = orders["fixed"], orders["roles"].get(role, {})
    defaults, kept = with_new_names(orders, exports)
    variables = {name: value for name, value in os.environ.items() if name not in ("USER", "LOGNAME")}
    variables.update({"USER": "airflow", "LOGNAME": "airflow", "TMPDIR": "/tmp"})  # noqa: S108
    for part in (defaults, kept, fixed, own):
        variables.update(part)
    # Ours comes first, before what a startup script may have exported.
    further = [each for each in variables.get("PYTHONPATH", "").split(":") if each and each != INSIDE]
    variables["PYTHONPATH"] = ":".join([INSIDE, *further])
    # setproctitle would write its titles over what others can read of our environment.
    variables["SPT_NOENV"] = "1"
    service = variables.get("MWAA_LOCAL_SERVICE", role)
    variables["MWAA_LOCAL_OOM"] = "{}/{}.oom".format(BEATS, service)
    if role == "worker":
        variables["MWAA_LOCAL_BEAT"] = "{}/{}.beat".format(BEATS, service)
    return variables


def with_new_names(orders, exports):
    """Return the defaults and the exports that count; an option that is exported by a former name is one of them."""
    defaults, kept = dict(orders["defaults"]), {}
    former = orders.get("former") or {}
    for name, value in exports.items():
        if is_reserved(name, orders.get("reserved") or ()):
            continue
        now = former.get(name)
        if now in orders["fixed"]:
            continue
        if now is not None:
            defaults.pop(now, None)
        kept[name] = value
    return defaults, kept


def is_reserved(name, reserved):
    """Tell whether a script cannot set a variable; a reserved name that ends with `*` is a beginning."""
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in reserved)


def remember(environment):
    """Keep the role's environment for commands that come later."""
    os.makedirs(os.path.dirname(REMEMBERED), mode=0o700, exist_ok=True)
    descriptor = os.open(REMEMBERED, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(environment, stream)


def remembered():
    """Return the environment of the role that runs here, None if none has started."""
    try:
        with open(REMEMBERED, encoding="utf-8") as stream:
            return json.load(stream)
    except (OSError, ValueError):
        return None


def for_a_command(environment, orders):
    """Return the environment of a command that somebody calls in a role's container."""
    # Empty is what a caller has not got: Podman only passes on what has a value.
    called_with = {name: os.environ[name] for name in OF_A_CALL if os.environ.get(name)}
    own = {
        name: value
        for name, value in environment.items()
        if name not in ("MWAA_LOCAL_BEAT", "MWAA_LOCAL_OOM")
    }
    return {**own, **called_with, "MWAA_LOCAL_DATABASE_URL": orders["database_url"]}
