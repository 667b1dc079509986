"""Serving the files of the web UI: from the package, nothing else, cached by their content."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from holdfast_http.messages import Request, Response
from holdfast_http.problems import HttpProblem

_TYPE_BY_ENDING = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
# The page runs its own scripts and styles, and talks to its own origin and to the ingress, wherever that is.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src *; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
_INDEX = "index.html"
_ASSETS = "assets"


def to_the_ui() -> Response:
    """Send a browser to the UI."""
    return Response(status=302, headers=(("location", "/ui/"),))


def show(request: Request, path: tuple[str, ...]) -> Response:
    """Return a file; a path that is not among the assets is the page's own, which reads it by itself."""
    if path[:1] != (_ASSETS,):
        path = (_INDEX,)
    found = _files().get("/".join(path))
    if found is None:
        raise HttpProblem(404, f"the UI has no file {'/'.join(path)!r}")
    body, tag, media_type = found
    headers = (
        ("content-type", media_type),
        ("etag", tag),
        # Asked for again each time and mostly answered with 304: a new version shows at the next look.
        ("cache-control", "no-cache"),
        ("content-security-policy", _POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    )
    if request.header("if-none-match") == tag:
        return Response(status=304, headers=headers)
    return Response(status=200, headers=headers, body=b"" if request.method == "HEAD" else body)


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    """Return all files by their paths; a request can name one of these and nothing else."""
    # Not before somebody looks: a function that starts for anything else need not pay for it.
    from importlib.resources import files

    found = {}
    folders = [("", files(__package__) / "static")]
    while folders:
        prefix, folder = folders.pop()
        for entry in folder.iterdir():
            path = f"{prefix}{entry.name}"
            ending = entry.name.rpartition(".")[2]
            if entry.is_dir():
                folders.append((f"{path}/", entry))
            elif ending in _TYPE_BY_ENDING:
                body = entry.read_bytes()
                found[path] = (body, f'"{sha256(body).hexdigest()[:20]}"', _TYPE_BY_ENDING[ending])
    return found
