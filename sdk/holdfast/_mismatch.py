"""Journal mismatches in words: which entry, what was recorded, what the code asked for, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holdfast_protocol.codes import HoldfastCode

_ID = f"[{HoldfastCode.JOURNAL_MISMATCH}]"
_WHAT_TO_DO = """\
What to do:
- The code was changed while this invocation was under way? Keep the old code on its deployment until its invocations \
have ended, and register the changed code as a new deployment. Or restart this invocation as new: it then runs the \
new code from the start.
- The code was not changed? Then something in the handler is not deterministic. Usual causes: uuid4(), random, \
time.time() or datetime.now() outside of a step (use ctx.uuid(), ctx.random(), ctx.time()); iterating over a set, or \
over a dict filled in a changing order; reading a file, the environment or a global that changes; asyncio tasks that \
race. Put what varies into a step, `await ctx.run_typed("name", fn)`: its result is recorded."""


def other_command(where: str, recorded: str, asked: str, differing: Sequence[tuple[str, str, str]] = ()) -> str:
    """Return the message for a command that is not the recorded one."""
    lines = [
        f"{_ID} Journal mismatch at {where}: the code no longer asks what the journal recorded.",
        f"- The journal recorded: {recorded}",
        f"- The code asked for: {asked}",
    ]
    lines += [f"- They differ in {name}: recorded {before}, now {now}" for name, before, now in differing]
    return "\n".join([*lines, _WHAT_TO_DO])


def added_await(where: str, recorded: str, awaited: Iterable[str]) -> str:
    """Return the message for an await that an earlier attempt cannot have passed."""
    return "\n".join(
        [
            f"{_ID} Journal mismatch at {where}: the code waits at a point where the recorded code went on.",
            f"- The journal recorded as the next command: {recorded}",
            f"- The code awaits, with no result in the journal: {', '.join(awaited) or 'nothing'}",
            "An `await` was added, or moved, before that command.",
            _WHAT_TO_DO,
        ]
    )
