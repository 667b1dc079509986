"""What can be done to invocations: how the admin API calls it, to which it applies, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_UNFINISHED = ("scheduled", "queued", "ready", "running", "suspended", "backing-off", "paused")
_ENDED = ("completed",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """An operation.

    `path` is its name in the admin API; `done` and `doing` go with a number of invocations. `statuses` are those of
    whom filters speak that name none. `sentences` say what came of it by the outcome that the server names.
    """

    path: str
    done: str
    doing: str
    statuses: tuple[str, ...]
    sentences: Mapping[str, str]


CANCEL = Verb(
    path="cancel",
    done="asked to end",
    doing="Cancelling",
    statuses=_UNFINISHED,
    sentences={
        "done": "{id} has ended.",
        "appended": "{id} has been asked to end; its handler sees that at its next await.",
    },
)
KILL = Verb(path="kill", done="ended", doing="Killing", statuses=_UNFINISHED, sentences={"done": "{id} has ended."})
PAUSE = Verb(
    path="pause",
    done="paused",
    doing="Pausing",
    # What has not begun cannot be paused, and says so when it is named.
    statuses=("ready", "running", "suspended", "backing-off"),
    sentences={
        "done": "{id} is paused; `holdfast invocations resume` lets it go on.",
        "already-paused": "{id} was paused already.",
    },
)
RESUME = Verb(
    path="resume",
    done="let go on",
    doing="Resuming",
    statuses=("paused", "backing-off"),
    sentences={"done": "{id} goes on."},
)
RESTART = Verb(
    path="restart-as-new",
    done="started again",
    doing="Restarting",
    statuses=_ENDED,
    sentences={},
)
PURGE = Verb(path="purge", done="forgotten", doing="Purging", statuses=_ENDED, sentences={"done": "{id} is forgotten."})
PURGE_JOURNAL = Verb(
    path="purge-journal",
    done="relieved of their journals",
    doing="Purging journals",
    statuses=_ENDED,
    sentences={"done": "The journal of {id} is forgotten."},
)
