"""What one incarnation of the server leaves to the next when it executes itself anew: sockets and the data folder.

The listening sockets stay open across the exec, so that requests which arrive meanwhile wait in the kernel's backlog
instead of being refused, and ports chosen by the kernel stay the same.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from typing import NoReturn

_VARIABLE = "HOLDFAST_HANDOVER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """File descriptors of the listening sockets, the temporary data folder if there is one, and what changed."""

    ingress: int
    admin: int
    temporary_folder: str | None
    reason: str


def take() -> Handover | None:
    """Return what the previous incarnation left; None in the first. Children of this process must not see it."""
    left = os.environ.pop(_VARIABLE, None)
    return Handover(**json.loads(left)) if left else None


def hand_over(handover: Handover) -> NoReturn:
    """Execute this process anew, with the same command line and the same process id."""
    for descriptor in (handover.ingress, handover.admin):
        os.set_inheritable(descriptor, True)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, sys.orig_argv, {**os.environ, _VARIABLE: json.dumps(asdict(handover))})
