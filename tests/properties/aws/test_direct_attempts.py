"""Programs on functions that append by themselves: in any mixture of modes a journal is what it would have been in one.

A small dispatcher stands in for the engine: it keeps the journal in DynamoDB, lets attempts append, and puts what they
answer behind that. DynamoDB loses answers, gives up, and lets newer attempts take over, as the dice will have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import holdfast
from holdfast._driver import run_attempt
from holdfast._dynamo import DynamoClient, Refused, Undecided
from holdfast._dynamo_credentials import CredentialSource
from holdfast._dynamo_http import Address
from holdfast._lambda_checkpoint import LambdaCheckpoint
from holdfast._lambda_journal import JournalWriter
from holdfast_protocol import schema_pb2 as pb
from holdfast_protocol.frames import frame_type
from holdfast_protocol.grants import JournalGrant, Slot
from holdfast_protocol.messages import decode, is_notification
from holdfast_protocol.pages import frames_bytes
from tests.properties.aws.conftest import Run
from tests.properties.sdk.test_sdk_machine_replay import World, programs
from tests.support.dynamo_stores import client_of, new_tables
from tests.support.dynoxide import Dynoxide
from tests.support.function_world import function_environment
from tests.support.journals import FakeCheckpoint, Journal
from tests.support.programs import Statement, handler_of

ID = "inv_1" + "b" * 33
_TROUBLE = ("lost", "undecided, done", "undecided, not done", "given up", "taken over")


class Table:
    """The journal of one invocation in DynamoDB, written anew for each attempt."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.name = name

    def write(self, entries: list[bytes], *, epoch: int) -> Slot:
        """Keep these entries and no others, all in page 0; return where the next append goes."""
        for item in self._items():
            self.client.delete_item(TableName=self.name, Key={"p": item["p"], "s": item["s"]})
        head = {"p": {"S": ID}, "s": {"S": "h"}, "t": {"S": "r"}, "e": {"N": str(epoch)}, "n": {"N": str(len(entries))}}
        self.client.put_item(TableName=self.name, Item={**head, "f": {"L": [{"B": entry} for entry in entries]}})
        return Slot(page=0, count=len(entries), base=0, frames_bytes=frames_bytes(entries))

    def read(self) -> list[bytes]:
        """Return all entries; the pages must follow one another."""
        entries: list[bytes] = []
        for item in self._items():
            assert int(item.get("b", {"N": "0"})["N"]) == len(entries)
            frames = [element["B"] for element in item["f"]["L"]]
            assert int(item["n"]["N"]) == len(frames)
            entries += frames
        return entries

    def take_over(self, key: Mapping[str, Any]) -> None:
        """Raise the epoch of an item, if it is there, as a newer attempt does."""
        self.client.update_item(
            TableName=self.name,
            Key=key,
            UpdateExpression="SET e = e + :one",
            ConditionExpression="attribute_exists(p)",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    def _items(self) -> list[Any]:
        values = {":p": {"S": ID}}
        answer = self.client.query(
            TableName=self.name,
            KeyConditionExpression="p = :p",
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        return list(answer["Items"])


class Troubled(DynamoClient):
    """A client whose updates meet what the dice say; `is_over` when a newer attempt has taken over."""

    def __init__(self, url: str, table: Table) -> None:
        environ = function_environment(url)
        super().__init__(Address.of("us-east-1", environ), CredentialSource(environ))
        self._table = table
        self.random: Random | None = None
        self.is_over = False

    def update_item(self, update: Mapping[str, Any], *, budget_s: float) -> Refused | None:
        trouble = self.random.choice(_TROUBLE) if self.random is not None and self.random.random() < 0.3 else ""
        if trouble == "taken over" and update["Key"]["s"]["S"] == "h":
            self._table.take_over(update["Key"])
            self.is_over = True
        elif trouble == "given up":
            raise Undecided("as the dice will have it", is_certain=True)
        elif trouble == "undecided, not done":
            raise Undecided("as the dice will have it", is_certain=False)
        elif trouble in ("lost", "undecided, done"):
            super().update_item(update, budget_s=budget_s)
            if trouble == "undecided, done":
                raise Undecided("as the dice will have it", is_certain=False)
        refused = super().update_item(update, budget_s=budget_s)
        if refused is not None and trouble == "lost":
            return replace(refused, is_repeat=True)
        return refused


class Stored(Journal):
    """A journal that takes results in the journal's own form as well."""

    def store_all(self, frames: list[bytes]) -> None:
        for raw in frames:
            if is_notification(frame_type(raw)):
                self.entries.append(raw)
            else:
                self.store([raw])


class Direct:
    """Runs attempts of a journal on a function that appends by itself."""

    def __init__(self, table: Table, client: Troubled) -> None:
        self._table = table
        self._client = client
        self._thread = ThreadPoolExecutor(max_workers=1)
        self.epoch = 0
        self.remaining_ms = 900_000

    def close(self) -> None:
        self._thread.shutdown()
        self._client.close()

    async def attempt(self, journal: Stored, random: Random | None) -> pb.Suspension | pb.Error | pb.End | None:
        """Run one attempt and keep what it did; return how it ended, None when it was taken over or has died."""
        sent = list(journal.entries)
        durable = _durable(sent, random)
        self.epoch += 1
        self._client.random, self._client.is_over = random, False
        grant = JournalGrant(
            table=self._table.name,
            epoch=self.epoch,
            slot=self._table.write(sent[:durable], epoch=self.epoch),
            durable=durable,
            taken=(),
        )
        checkpoint = LambdaCheckpoint(
            JournalWriter(self._client, grant, invocation_id=ID),
            sent=sent,
            durable=durable,
            taken=(),
            thread=self._thread,
            remaining_ms=lambda: self.remaining_ms,
        )
        handler = journal.endpoint.find("Tested", journal.fn.__name__)
        assert handler is not None
        frames = [*await run_attempt(handler, journal.request(), checkpoint)]
        return self._settle(journal, grant, checkpoint, [*checkpoint.travelling, *frames], random)

    def _settle(
        self,
        journal: Stored,
        grant: JournalGrant,
        checkpoint: LambdaCheckpoint,
        frames: list[bytes],
        random: Random | None,
    ) -> pb.Suspension | pb.Error | pb.End | None:
        """Do what the engine does with an answer."""
        sent, stored, reached = journal.entries, self._table.read(), checkpoint.reached
        # Nothing is behind what was stored, or all that was sent is, and in front (O-9).
        assert stored in (sent[: grant.durable], [*sent, *stored[len(sent) :]])
        assert not reached.is_certain or reached.slot.length == len(stored)
        is_lost = random is not None and random.random() < 0.1
        if self._client.is_over or is_lost:
            in_front = sent[grant.durable :] if len(stored) == grant.durable else []
            journal.entries = [*stored, *in_front]
            return None
        if len(stored) == grant.durable:
            stored = list(sent)
        beyond = max(0, len(stored) - max(reached.slot.length, len(sent)))
        journal.entries = stored
        entries, terminator = frames[:-1], decode(frames[-1])
        journal.store_all(entries[beyond:])
        assert isinstance(terminator, pb.Suspension | pb.Error | pb.End)
        return terminator


class MixedWorld(World):
    """A world in which some attempts run on functions that append by themselves."""

    def __init__(self, program: list[Statement], random: Random, direct: Direct) -> None:
        super().__init__(program, random)
        self.journal: Stored = Stored(self.journal.fn, kind="object", key="k")
        self._direct = direct

    async def attempt(self) -> bool:
        if self.random.random() < 0.15:
            return await super().attempt()
        self._direct.remaining_ms = self.random.choice((900_000, 900_000, 900_000, 1_000))
        ended = await self._direct.attempt(self.journal, self.random)
        assert not isinstance(ended, pb.Error), ended
        return isinstance(ended, pb.End)


def _durable(sent: list[bytes], random: Random | None) -> int:
    """Return how many of the entries are stored already; only notifications at the end may not be."""
    durable = len(sent)
    while (
        random is not None and durable > 1 and is_notification(frame_type(sent[durable - 1])) and random.random() < 0.7
    ):
        durable -= 1
    return durable


@pytest.fixture(scope="module")
def direct(dynoxide: Dynoxide) -> Iterator[Direct]:
    """A function with a journal in DynamoDB."""
    client = client_of(dynoxide.url)
    table = Table(client, new_tables(client).journal)
    direct = Direct(table, Troubled(dynoxide.url, table))
    yield direct
    direct.close()


@st.composite
def busy_programs(draw: st.DrawFn) -> list[Statement]:
    """Draw a program that executes one step after the other, with something else between them now and then."""
    whole: list[Statement] = []
    for number in range(draw(st.integers(4, 16))):
        whole += [["run", f"step{number}", number], ["await", f"step{number}"]]
        match draw(st.integers(0, 9)):
            case 0:
                whole.append(["send", f"sent{number}", "S", "h", "p"])
            case 1:
                whole += [["call", f"call{number}", "S", "h", "p"], ["run", f"beside{number}", 0]]
                whole += [["gather", f"call{number}", f"beside{number}"]]
            case 2:
                whole += [["sleep", f"slept{number}", 60], ["await", f"slept{number}"]]
            case 3:
                whole.append(["record", "seen"])
    middle = draw(st.integers(0, len(whole)))
    return [*whole[:middle], *draw(programs()), *whole[middle:]]


@settings(max_examples=60, deadline=None)
@given(program=busy_programs(), seed=st.integers(0, 2**32))
def test_any_mixture_of_attempts_is_continued(run: Run, direct: Direct, program: list[Statement], seed: int) -> None:
    """R1, R2: whatever befalls attempts of all modes, no result is lost or doubled, and the handler ends."""
    world = MixedWorld(program, Random(seed), direct)
    run(world.run_out())
    entries = list(world.journal.entries)
    world.executed.clear()
    ended = run(direct.attempt(world.journal, None))
    assert isinstance(ended, pb.End)
    assert (world.journal.entries, world.executed) == (entries, [])


@st.composite
def steps_and_state(draw: st.DrawFn) -> list[Statement]:
    """Draw a program that needs nobody else: steps, awaited in any way, and state."""
    program: list[Statement] = []
    names: list[str] = []
    for number in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(("run", "run", "run", "run_fails", "set", "clear")))
        if kind in ("set", "clear"):
            program.append([kind, "a", number][: 3 if kind == "set" else 2])
            continue
        names.append(f"{kind}{number}")
        program.append([kind, names[-1], number] if kind == "run" else [kind, names[-1], "no", 400])
        if draw(st.integers(0, 3)):
            verb = draw(st.sampled_from(("await", "gather", "wait_completed", "as_completed")))
            awaited = [names[-1]] if verb == "await" else names[-3:]
            program += [["catch", [[verb, *awaited]], []], ["record", "seen"]]
    return program


@settings(max_examples=60, deadline=None)
@given(program=steps_and_state())
def test_all_modes_come_to_the_same_journal(run: Run, direct: Direct, program: list[Statement]) -> None:
    """A program's journal is the same, byte for byte, whoever makes its results durable and whenever that is."""
    journals = [Stored(handler_of(program, holdfast), kind="object", key="k") for _ in range(3)]
    classic, in_process, by_itself = journals
    for _ in range(100):
        if isinstance(run(classic.attempt()).terminator, pb.End):
            break
    direct.remaining_ms = 900_000
    assert isinstance(run(in_process.attempt(FakeCheckpoint())).terminator, pb.End)
    assert isinstance(run(direct.attempt(by_itself, None)), pb.End)
    assert by_itself.entries == in_process.entries
    assert by_itself.commands() == classic.commands()
    if all(verb not in ("gather", "wait_completed", "as_completed") for verb in _verbs(program)):
        assert by_itself.entries == classic.entries


def _verbs(program: list[Statement]) -> set[str]:
    return {inner[0] for verb, *rest in program if verb == "catch" for inner in rest[0]}
