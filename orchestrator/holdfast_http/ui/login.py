"""Logging in to the web UI: a page that asks for the admin API's token, and the cookie that stands for it."""

from __future__ import annotations

from urllib.parse import urlsplit

from holdfast_http.messages import Request, Response

# A page's own files and its form; no scripts at all.
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    # With none at all, browsers would not tell the server that the form is its own.
    ("referrer-policy", "same-origin"),
)
_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Log in · Holdfast</title>
    <link rel="icon" href="/ui/assets/icon.svg">
    <link rel="stylesheet" href="/ui/assets/app.css">
  </head>
  <body>
    <main id="main">
      <form class="panel stack login" method="post">
        <h1>Holdfast</h1>
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required autofocus
          aria-describedby="hint">
        <p id="hint" class="dim">What the server was started with: <code>--token</code> or
          <code>HOLDFAST_TOKEN</code>.</p>
        {complaint}
        <button class="primary" type="submit">Log in</button>
      </form>
    </main>
  </body>
</html>
"""
_COMPLAINT = '<p role="alert">That is not the token.</p>'


def page(*, has_failed: bool) -> Response:
    """Return the page that asks for the token."""
    body = _PAGE.format(complaint=_COMPLAINT if has_failed else "")
    return Response(status=401, headers=_HEADERS, body=body.encode())


def done(request: Request, session: str) -> Response:
    """Send the browser on to the address that it had asked for, with a cookie that lasts until it is closed."""
    cookie = f"{_cookie(request)}={session}; Path=/; HttpOnly; SameSite=Strict"
    wanted = f"{request.path}?{request.query}" if request.query else request.path
    return Response(status=303, headers=(("location", wanted), ("set-cookie", cookie), ("cache-control", "no-store")))


def sessions(request: Request) -> list[str]:
    """Return what a request's cookies say it is; a browser may have several of one name."""
    wanted = _cookie(request)
    pairs = [
        part.strip().partition("=") for name, value in request.headers if name == "cookie" for part in value.split(";")
    ]
    return [value for name, _, value in pairs if name == wanted]


def _cookie(request: Request) -> str:
    # Cookies are shared by the ports of a host, and somebody may have two servers there.
    try:
        port = urlsplit(f"//{request.header('host') or ''}").port
    except ValueError:
        port = None
    return f"holdfast_{port or 80}"
