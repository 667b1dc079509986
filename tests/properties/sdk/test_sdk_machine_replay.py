"""Replay: whatever a handler does and whatever befalls its attempts, a journal says what the handler will do."""

from __future__ import annotations

from random import Random
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

import holdfast
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import frame_type
from holdfast_protocol.messages import Message, MessageType, decode, is_command
from tests.support.journals import FakeCheckpoint, Journal
from tests.support.programs import Statement, handler_of

_ATTEMPTS_MAX = 80
_SIGNALS = ("q", "r")
_AWAKEABLES = range(17, 22)
_SOURCES = ("run", "run", "run", "run_fails", "sleep", "call", "send", "awakeable", "signal", "get")


@st.composite
def programs(draw: st.DrawFn) -> list[Statement]:
    """Draw a program: sources of futures, ways of awaiting them, and writes in between."""
    awaitable: list[str] = []
    program: list[Statement] = []
    for number in range(draw(st.integers(1, 12))):
        kind: str = draw(st.sampled_from((*_SOURCES, "write")))
        if kind == "write":
            writes: tuple[Statement, ...] = (["set", "a", number], ["clear", "a"], ["clear_all"])
            program.append(draw(st.sampled_from(writes)))
            continue
        name = f"{kind}{number}"
        program.append(_source(draw, kind, name))
        if kind != "send":
            awaitable.append(name)
        is_awaiting: bool = draw(st.booleans())
        if awaitable and is_awaiting:
            # What was seen goes into the next command, so that another order of events is another journal.
            program += [["catch", [_await(draw, awaitable)], []], ["record", "seen"]]
    return program


def _source(draw: st.DrawFn, kind: str, name: str) -> Statement:
    match kind:
        case "run":
            return ["run", name, draw(st.integers(0, 3))]
        case "run_fails":
            return ["run_fails", name, "no", 400]
        case "sleep":
            return ["sleep", name, 60]
        case "call" | "send":
            return [kind, name, "S", "h", "p"]
        case "awakeable":
            return ["awakeable", name]
        case "signal":
            return ["signal", name, draw(st.sampled_from(_SIGNALS))]
        case _:
            return ["get", name, draw(st.sampled_from(("a", "b")))]


def _await(draw: st.DrawFn, awaitable: list[str]) -> Statement:
    verb = draw(st.sampled_from(("await", "gather", "select", "wait_completed", "as_completed")))
    if verb == "await":
        return ["await", draw(st.sampled_from(awaitable))]
    return [verb, *draw(st.lists(st.sampled_from(awaitable), min_size=1, max_size=4, unique=True))]


class World:
    """Runs a program to its end, with attempts of both modes, crashes, and answers in any order."""

    def __init__(self, program: list[Statement], random: Random) -> None:
        self.random = random
        self.executed: list[str] = []
        self.journal = Journal(handler_of(program, holdfast, self.executed.append), kind="object", key="k")

    async def run_out(self) -> None:
        for _ in range(_ATTEMPTS_MAX):
            self.journal.state = _state(self.journal.entries)
            results = _results(self.journal.entries)
            has_ended = await self.attempt()
            repeated = set(self.executed) & results
            assert not repeated, f"executed again though the journal had its result: {repeated}"
            self.executed.clear()
            if has_ended:
                return
            self.answer()
        raise AssertionError("the program did not end")

    async def attempt(self) -> bool:
        """Run one attempt, or one that dies on the way; return whether the handler ended."""
        fate = self.random.choice(("classic", "live", "live", "cut", "fenced"))
        journal = self.journal
        if fate == "cut":
            frames = await journal.endpoint.run(journal.request(), None)
            journal.store(frames[: self.random.randrange(len(frames))])
            return False
        if fate == "fenced":
            checkpoint = FakeCheckpoint(fenced_after=self.random.randrange(3))
            await journal.endpoint.run(journal.request(), checkpoint)
            journal.entries += [raw for appended in checkpoint.appends for raw in appended]
            return False
        attempted = await (journal.live() if fate == "live" else journal.attempt())
        if isinstance(attempted.terminator, pb.Error):
            raise AssertionError(attempted.terminator.message)
        return isinstance(attempted.terminator, pb.End)

    def answer(self) -> None:
        """Answer some of what is open, in any order; signals come now and then, and a cancellation rarely."""
        journal, random = self.journal, self.random
        answers = _open_answers(journal)
        random.shuffle(answers)
        for answer in answers[: random.randint(0, len(answers))]:
            answer()
        if random.random() < 0.5:
            journal.signal(random.choice([*_SIGNALS, *_AWAKEABLES]), b"0")
        if random.random() < 0.05:
            journal.cancel()


def _open_answers(journal: Journal) -> list[Any]:
    answered = {decode(raw).completion_id for raw in journal.entries if _is_completion(raw)}  # type: ignore[attr-defined]  # completions have ids
    answers: list[tuple[int, Any]] = []
    for command in journal.commands():
        if isinstance(command, pb.SleepCommand):
            answers.append((command.result_completion_id, journal.sleep_over))
        elif isinstance(command, pb.CallCommand):
            answers.append((command.result_completion_id, lambda id_: journal.value(id_, b"0")))
        if isinstance(command, pb.CallCommand | pb.OneWayCallCommand):
            id_ = command.invocation_id_notification_idx
            answers.append((id_, lambda id_: journal.callee(id_, f"inv_{id_}")))
    return [lambda id_=id_, do=do: do(id_) for id_, do in answers if id_ not in answered]


def _is_completion(raw: bytes) -> bool:
    return not is_command(frame_type(raw)) and frame_type(raw) != MessageType.SIGNAL


def _results(entries: list[bytes]) -> set[str]:
    """Return the names of the steps whose results a journal has."""
    done = {
        cast("pb.Notification", decode(raw)).completion_id
        for raw in entries
        if frame_type(raw) == MessageType.RUN_COMPLETION
    }
    runs = [cast("pb.RunCommand", decode(raw)) for raw in entries if frame_type(raw) == MessageType.RUN]
    return {run.name for run in runs if run.result_completion_id in done}


def _state(entries: list[bytes]) -> dict[str, bytes]:
    """Return the state that the journal's writes have made."""
    state: dict[str, bytes] = {}
    for raw in entries:
        match decode(raw):
            case pb.SetStateCommand(key=key, value=value):
                state[key.decode()] = value.content
            case pb.ClearStateCommand(key=key):
                state.pop(key.decode(), None)
            case pb.ClearAllStateCommand():
                state.clear()
    return state


def _commands(entries: list[bytes]) -> list[Message]:
    """Return the commands of a journal without what the clock says."""
    commands = [decode(raw) for raw in entries if is_command(frame_type(raw))]
    for command in commands:
        if isinstance(command, pb.SleepCommand):
            command.wake_up_time = 0
    return commands


@settings(max_examples=80, deadline=None)
@given(program=programs(), seed=st.integers(0, 2**32))
async def test_every_prefix_of_a_journal_is_continued_in_the_same_way(program: list[Statement], seed: int) -> None:
    """R2: cut anywhere, a journal is continued as it went on; R1: no step whose result it has executes again."""
    # Seeded, not drawn: a background flush depends on the clock, and so does what is asked of the generator.
    world = World(program, Random(seed))
    await world.run_out()
    entries = list(world.journal.entries)
    whole = _commands(entries)
    for length in range(1, len(entries) + 1):
        replayed = world.journal
        replayed.entries = entries[:length]
        replayed.state = _state(replayed.entries)
        attempted = await replayed.attempt()
        assert not isinstance(attempted.terminator, pb.Error), attempted.terminator
        again = _commands(replayed.entries)
        assert again == whole[: len(again)]


@settings(max_examples=80, deadline=None)
@given(program=programs(), seed=st.integers(0, 2**32))
async def test_a_complete_journal_is_a_fixed_point(program: list[Statement], seed: int) -> None:
    """Replaying a journal that has ended adds nothing, executes nothing, and ends, in both modes."""
    world = World(program, Random(seed))
    await world.run_out()
    world.executed.clear()
    entries = list(world.journal.entries)
    world.journal.state = _state(entries)
    for checkpoint in (None, FakeCheckpoint()):
        attempted = await world.journal.attempt(checkpoint)
        assert attempted.kinds == ["End"]
    assert world.journal.entries == entries
    assert world.executed == []
