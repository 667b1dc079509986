"""The lifecycle of an invocation: one table, read by the store operations, the tests and the README's diagram.

An invocation is created `scheduled` (it has a start time), `queued` (its handler must hold the key first), `running`
(its creator runs it at once) or `ready`. From there only *events* move it, and an event moves it only where the table
has a row: a store operation asks `allows(status, event)` inside its atomic condition, so two processes that act at
once are serialised by the item, and the loser learns that its event no longer applies.

What the rows mean, event by event:

* `acquire`: an attempt takes the next epoch. From `running` only when the lease is over, which counts as a failed
  attempt: a process that dies silently must not retry for ever. From `queued` only for the holder of the key.
* `suspend`, `retry`, `end`: how an attempt ends. They are fenced by the attempt's epoch. `queued` has them because the
  creator of an exclusive invocation that got the key at once runs it as epoch 1 without an acquire: one write less.
  For the same reason it has `pause`; whoever still waits for the key is not paused, which `pausing.py` sees to.
* `pause`, `resume`, `cancel`, `kill`: operators, callers and the retry policy. Only an invocation that has done nothing
  yet is ended by `cancel`; all others get the cancel signal as a note, which is no event of the lifecycle.
* `due`: the start time of a scheduled invocation has come.
* `wait`: the attempt never began, because the limits of its scope have no room; it stands in line (`admission.py`).

`completed` has no rows: an outcome never changes (O1). A repeated event that finds no row is not an error: messages
are delivered at least once, so "already so" is a fact of life and the operation answers with the state it found.
"""

from __future__ import annotations

from enum import StrEnum

from holdfast_engine.records import Status


class Event(StrEnum):
    """What can move an invocation."""

    ACQUIRE = "acquire"
    SUSPEND = "suspend"
    RETRY = "retry"
    END = "end"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    KILL = "kill"
    DUE = "due"
    WAIT = "wait"


S = Status

LIFECYCLE: dict[Status, dict[Event, tuple[Status, ...]]] = {
    S.SCHEDULED: {
        Event.CANCEL: (S.COMPLETED,),
        Event.KILL: (S.COMPLETED,),
        Event.DUE: (S.READY, S.QUEUED),
    },
    S.QUEUED: {
        Event.ACQUIRE: (S.RUNNING,),
        Event.SUSPEND: (S.SUSPENDED,),
        Event.RETRY: (S.BACKING_OFF, S.PAUSED),
        Event.END: (S.COMPLETED,),
        Event.WAIT: (S.READY,),
        Event.PAUSE: (S.PAUSED,),
        Event.CANCEL: (S.COMPLETED,),
        Event.KILL: (S.COMPLETED,),
    },
    S.READY: {
        Event.ACQUIRE: (S.RUNNING,),
        Event.PAUSE: (S.PAUSED,),
        Event.CANCEL: (S.COMPLETED,),
        Event.KILL: (S.COMPLETED,),
    },
    S.RUNNING: {
        Event.ACQUIRE: (S.RUNNING,),
        Event.SUSPEND: (S.SUSPENDED,),
        Event.RETRY: (S.BACKING_OFF, S.PAUSED),
        Event.END: (S.COMPLETED,),
        Event.WAIT: (S.READY,),
        Event.PAUSE: (S.PAUSED,),
        Event.KILL: (S.COMPLETED,),
    },
    S.SUSPENDED: {
        Event.ACQUIRE: (S.RUNNING,),
        Event.PAUSE: (S.PAUSED,),
        Event.RESUME: (S.READY,),
        Event.KILL: (S.COMPLETED,),
    },
    S.BACKING_OFF: {
        Event.ACQUIRE: (S.RUNNING,),
        Event.PAUSE: (S.PAUSED,),
        Event.RESUME: (S.READY,),
        Event.KILL: (S.COMPLETED,),
    },
    S.PAUSED: {
        Event.RESUME: (S.READY,),
        Event.KILL: (S.COMPLETED,),
    },
    S.COMPLETED: {},
}


def allows(status: Status, event: Event) -> bool:
    """Return whether an event applies to an invocation in that status."""
    return event in LIFECYCLE[status]


def diagram() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    direction LR"]
    for status, rows in LIFECYCLE.items():
        for event, targets in rows.items():
            lines += [f"    {_node(status)} --> {_node(target)}: {event}" for target in targets]
    return "\n".join(lines)


def _node(status: Status) -> str:
    return status.value.replace("-", "_")
