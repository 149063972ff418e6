"""Gives sessions in the web server to whom our HTTPS door has let in: a user with the role that the token names.

The door (`mwaa_local.aws.web_doors`) sends a word that it has signed with a key that only the two of them know, which
is good for some seconds. Nobody else can reach this path through the door. Runs on Python 3.7 and up.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import time

PATH = "/_mwaa_local/login"
HEADER = "X-Mwaa-Local-Login"
KEY_VARIABLE = "MWAA_LOCAL_LOGIN_KEY"
PURPOSE = "login"
SESSION = 12 * 3600
"""Seconds that a session lasts, as on MWAA."""
MARK = "mwaa_local_session_ends"


def read_word(word, key, now):
    """Return what the door says: {"user", "role", ...}; None if it was not the door, or too long ago."""
    body, _, signature = word.partition(".")
    expected = base64.urlsafe_b64encode(hmac.new(key, body.encode(), "sha256").digest()).rstrip(b"=")
    if not hmac.compare_digest(expected, signature.encode("utf-8", "replace")):
        return None
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode())
    if claims["purpose"] != PURPOSE or now >= claims["expires"]:
        return None
    return claims


def take_key():
    """Take our key out of the variables, where a DAG or a plugin need not see it; empty if there is none."""
    return bytes.fromhex(os.environ.pop(KEY_VARIABLE, ""))


def give_sessions_in_flask(version):
    """Add our path to the application of Airflow 1.10 and 2, which keeps its users in the database."""
    key = take_key()
    if not key:
        return
    if version < (2,):
        from airflow.www_rbac.app import cached_appbuilder

        app = cached_appbuilder().get_app
    else:
        from airflow.www.app import cached_app

        app = cached_app()
    from flask import Response, request, session
    from flask_login import login_user, logout_user

    def empty_session():
        session.clear()
        # Sessions in the database must have an end; this is how Airflow marks its own.
        session.permanent = True

    def mwaa_local_login():
        claims = read_word(request.headers.get(HEADER, ""), key, time.time())
        if claims is None:
            return Response("Forbidden", 403)
        user = ensure_user(app.appbuilder.sm, claims["user"], claims["role"])
        empty_session()
        login_user(user, remember=False)
        session[MARK] = time.time() + SESSION
        return Response("", 200)

    def end_old_sessions():
        if session.get(MARK, time.time() + 1) < time.time():
            logout_user()
            empty_session()

    app.add_url_rule(PATH, "mwaa_local_login", mwaa_local_login, methods=["POST"])
    app.extensions["csrf"].exempt(mwaa_local_login)
    app.before_request_funcs.setdefault(None, []).insert(0, end_old_sessions)


def ensure_user(manager, name, role_name):
    """Return the user of this name, with this role and no other; nobody knows its password."""
    role = manager.find_role(role_name)
    user = manager.find_user(username=name)
    if user is None:
        address = hashlib.sha256(name.encode()).hexdigest()[:32] + "@mwaa-local.invalid"
        # assumed-role/ROLE/SESSION
        parts = [part[:64] for part in name.split("/") if part] or ["-"]
        last = parts[-2] if len(parts) > 1 else parts[-1]
        made = manager.add_user(name, parts[-1], last, address, role, secrets.token_urlsafe(24))
        # Another process may have been quicker.
        user = made or manager.find_user(username=name)
    if [each.name for each in user.roles] != [role_name]:
        user.roles = [role]
        manager.update_user(user)
    return user


def give_sessions_in_fastapi():
    """Add our path to the application of Airflow 3, whose sessions are signed words of their own."""
    key = take_key()
    if not key:
        return
    import airflow.api_fastapi.app as airflow_app

    make = airflow_app.create_app

    def create_app(*arguments, **named):
        from starlette.routing import Route

        app = make(*arguments, **named)
        # First, because Airflow's own last route answers every path.
        app.router.routes.insert(0, Route(PATH, login_route(key), methods=["POST"]))
        return app

    airflow_app.create_app = create_app


def login_route(key):
    """Return the function that answers the door in Airflow 3."""
    from starlette.responses import Response

    def login(request):
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

        claims = read_word(request.headers.get(HEADER, ""), key, time.time())
        if claims is None:
            return Response("Forbidden", 403)
        user = SimpleAuthManagerUser(username=claims["user"], role=simple_role(claims["role"]))
        token = get_auth_manager().generate_jwt(user=user, expiration_time_in_seconds=SESSION)
        response = Response("", 200)
        response.set_cookie(
            COOKIE_NAME_JWT_TOKEN, token, max_age=SESSION, secure=True, httponly=keeps_cookies_from_pages()
        )
        return response

    return login


def simple_role(name):
    """Return the role of the simple auth manager; it has none that may see nothing, as Public does."""
    return None if name == "Public" else name.upper()


def keeps_cookies_from_pages():
    """Tell whether the server itself reads the session's cookie: from 3.1 on; before, the page does."""
    from mwaa_inside.roles import airflow_version

    return airflow_version() >= (3, 1)
