"""Who may use the admin API of a server that stands in a network, or beside a browser; on AWS, IAM decides that.

* Somebody in the network has no token: every request needs it, as `authorization: Bearer …`, or as the cookie that a
  login left. What shows nothing of the installation is open: whether the server is up, and the files of the UI.
* A page of another origin sends requests along with the cookie, or to a loopback port that asks for no token: browsers
  tell the origin with whatever changes something, and one that is not the server's own is refused.
* A page's name is pointed at this machine after it was loaded, so that it is its own origin: without a token the server
  answers only to names that nobody else can point anywhere, such as addresses and `localhost`. With one, such a page
  has no cookie, for cookies belong to names.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from holdfast_http.admin.answers import error_response
from holdfast_http.admin.health import VERSIONS
from holdfast_http.messages import Request, Response, path_segments
from holdfast_http.ui import login

TOKEN_CHARACTERS_MIN = 16
# The first only sends browsers to the UI.
_OPEN = frozenset({(), ("health",), *((version, "health") for version in VERSIONS)})
# The last two are what containers call the machine that they are on; nobody can own a name below `internal`.
_THIS_MACHINE = frozenset({"localhost", "host.docker.internal", "host.containers.internal"})
_FORM = "application/x-www-form-urlencoded"
_CHALLENGE = (("www-authenticate", "Bearer"),)


@dataclass(frozen=True, slots=True)
class _Secret:
    """What a request must know: the token, or what its cookie got for the token."""

    token: str

    @property
    def session(self) -> str:
        # Not the token itself: cookies are sent to every port of a host.
        return hmac.new(self.token.encode(), b"holdfast admin", sha256).hexdigest()

    def is_known_to(self, request: Request) -> bool:
        scheme, _, given = (request.header("authorization") or "").partition(" ")
        if scheme.lower() == "bearer" and _is_same(given.strip(), self.token):
            return True
        return any(_is_same(each, self.session) for each in login.sessions(request))


class Gate:
    """Lets requests pass, or answers them; without a token it only keeps foreign pages out."""

    def __init__(self, token: str | None) -> None:
        self._secret = _Secret(token) if token else None

    def answer(self, request: Request) -> Response | None:
        """Return the answer to a request that may not pass, or that is a login; None for one that may pass.

        Raises:
            BadPath: The path cannot be decoded.
        """
        if not _is_own_origin(request):
            return error_response(403, "pages of another origin may not use the admin API")
        if self._secret is None:
            return None if _is_unmistakable(_host(request)) else _misled(request)
        segments = path_segments(request.path)
        if _is_open(request, segments) or self._secret.is_known_to(request):
            return None
        if segments[:1] == ("ui",):
            return _log_in(request, self._secret)
        message = "the admin API asks for a token: send the header 'authorization: Bearer <token>'"
        return error_response(401, message, headers=_CHALLENGE)


def token_problem(token: str) -> str | None:
    """Return what is wrong with a token, or None."""
    if len(token) < TOKEN_CHARACTERS_MIN:
        return f"has {len(token)} characters, and can be guessed: give it {TOKEN_CHARACTERS_MIN} or more"
    if not (token.isascii() and token.isprintable()) or " " in token:
        return "cannot travel in a header: use letters, digits and punctuation of ASCII"
    return None


def _log_in(request: Request, secret: _Secret) -> Response:
    """Ask a person for the token, and take it; the form posts to the address that was wanted."""
    if request.method != "POST" or request.header("content-type") != _FORM:
        return login.page(has_failed=False)
    try:
        given = parse_qs(request.body.decode(), max_num_fields=10).get("token", [""])[0]
    except ValueError:
        given = ""
    return login.done(request, secret.session) if _is_same(given, secret.token) else login.page(has_failed=True)


def _is_same(given: str, expected: str) -> bool:
    # As digests they are of one length, so that the time says nothing about either.
    return hmac.compare_digest(*(sha256(each.encode("utf-8", "replace")).digest() for each in (given, expected)))


def _is_open(request: Request, segments: tuple[str, ...]) -> bool:
    if request.method not in ("GET", "HEAD"):
        return False
    return segments in _OPEN or segments[:2] == ("ui", "assets")


def _is_own_origin(request: Request) -> bool:
    origin = request.header("origin")
    if origin is None:
        return True
    # A proxy in front may have renamed the server. A page cannot send that header elsewhere without being asked first.
    names = (_host(request), (request.header("x-forwarded-host") or "").lower())
    return "://" in origin and origin.lower().partition("://")[2] in names


def _host(request: Request) -> str:
    return (request.header("host") or "").lower()


def _is_unmistakable(host: str) -> bool:
    """Return whether a host is one that nobody can make a page's name lead to; tools may send none."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    if name is None:
        return host == ""
    if name in _THIS_MACHINE or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _misled(request: Request) -> Response:
    message = (
        f"without a token the admin API answers to localhost and to addresses, not to {_host(request)[:100]!r}:"
        " ask there, or start the server with HOLDFAST_TOKEN"
    )
    return error_response(403, message)
