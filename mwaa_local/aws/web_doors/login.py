"""Sign-in by token: the page that a link of the AWS console leads to, and the form that it and scripts send.

The token of the MWAA API becomes a signed word to the web server, which gives the session (`mwaa_inside.web_login`).
"""

import base64
import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs

from mwaa_local.aws.web_doors.exchange import Answer, Request, refusal
from mwaa_local.aws.web_doors.web_server import (
    LOGIN_HEADER,
    LOGIN_PATH,
    Head,
    Reply,
    WebServer,
    WebServerError,
)
from mwaa_local.mwaa_tokens import AirflowRole, Claims, Purpose, login_key, make_token, new_claims

EXCHANGE_SECONDS = 10.0
PATIENCE = 30.0
LARGEST_ANSWER = 1_000_000

SCRIPT = """
const say = (text) => { document.getElementById("say").textContent = text; };
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
if (!token) {
  say("This link has no token. Ask CreateWebLoginToken for a new one.");
} else {
  fetch("login", { method: "POST", body: new URLSearchParams({ token }) }).then(async (answer) => {
    if (answer.ok) { location.replace("/"); } else { say((await answer.json()).message); }
  }).catch(() => say("The web server does not answer."));
}
"""
PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Signing in to Airflow</title>
<p id="say">Signing in to Airflow ...</p>
<noscript>Signing in by link needs JavaScript.</noscript>
<script>{SCRIPT}</script>
</html>
"""
_DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
PAGE_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
    ("Content-Security-Policy", f"default-src 'none'; script-src 'sha256-{_DIGEST}'; connect-src 'self'"),
)


def sign_in_page() -> Answer:
    """Return the page that posts the fragment of its own address, which no server ever sees."""
    return Answer(HTTPStatus.OK, PAGE_HEADERS, PAGE.encode())


def token_of(request: Request) -> str:
    """Return the token of a login form; empty if there is none."""
    fields = parse_qs(request.body.decode("utf-8", "replace"))
    return (fields.get("token") or [""])[0]


@dataclass(frozen=True, slots=True)
class Sessions:
    """Has the web server give sessions."""

    environment: str
    key: bytes
    web: WebServer

    def open(self, role: AirflowRole, user: str, host: str, now: float) -> Reply:
        """Have a session given; WebServerError if the web server does not answer."""
        claims = new_claims(self.environment, Purpose.LOGIN, role, user, now=now, lifetime=EXCHANGE_SECONDS)
        headers = (
            ("Host", host),
            (LOGIN_HEADER, make_token(login_key(self.key), claims)),
            ("X-Forwarded-Proto", "https"),
            ("Connection", "close"),
        )
        return self.web.ask(Head("POST", LOGIN_PATH, headers), b"", PATIENCE, LARGEST_ANSWER)

    def sign_in(self, claims: Claims, host: str, now: float) -> Answer:
        """Return the answer to a token that opens this door: a page and the session's cookie.

        Not a redirection, as the page of the link knows where to go, and scripts look for the cookie in this answer.
        """
        try:
            reply = self.open(claims.role, claims.user, host, now)
        except WebServerError as error:
            return refusal(HTTPStatus.BAD_GATEWAY, str(error))
        cookies = tuple((name, value) for name, value in reply.headers if name.lower() == "set-cookie")
        if reply.status != HTTPStatus.OK or not cookies:
            return refusal(HTTPStatus.BAD_GATEWAY, f"the web server gave no session (status {reply.status})")
        page = f"<!doctype html><title>Signed in</title><p>Signed in as {claims.role}. <a href='/'>Airflow</a></p>"
        return Answer(HTTPStatus.OK, (*PAGE_HEADERS[:3], *cookies), page.encode())
