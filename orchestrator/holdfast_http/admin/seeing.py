"""The routes by which people look: lists, keys with their queues and state, SQL, and the web UI's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast_http.admin import keys, listing, querying
from holdfast_http.ui import files

if TYPE_CHECKING:
    from holdfast_http.admin.tools import Answers, Tools
    from holdfast_http.messages import Request


def answers(tools: Tools, request: Request, segments: tuple[str, ...]) -> Answers:
    """Return what each method of a path shows; empty where there is nothing to see."""
    engine = tools.engine
    match segments:
        case []:
            return {"GET": files.to_the_ui}
        case ["ui"] if not request.path.endswith("/"):
            return {"GET": files.to_the_ui}
        case ["ui", *path]:
            return {"GET": lambda: files.show(request, tuple(path)), "HEAD": lambda: files.show(request, tuple(path))}
        case ["query"]:
            return {"POST": lambda: querying.run(tools.queries, request)}
        case ["overview"]:
            return {"GET": lambda: listing.overview(engine)}
        case ["invocations"]:
            return {"GET": lambda: listing.invocations(engine, request)}
        case ["keys"]:
            return {"GET": lambda: keys.list_keys(engine, request)}
        case ["keys", service, key]:
            return {"GET": lambda: keys.show(engine, request, service, key)}
        case ["services", name, "state"]:
            return {"POST": lambda: keys.edit(engine, request, name)}
        case _:
            return {}
