"""Journal in, messages out: every case here holds for our SDK and for the official ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import restate

import holdfast
from tests.support import official_sdk
from tests.support.journals import FakeCheckpoint, Journal
from tests.support.npm import NodeMissing
from tests.support.programs import handler_of
from tests.support.spelled import flattened, frame_from, matches, spell

_CASES = {path.stem: json.loads(path.read_text()) for path in sorted(Path(__file__).parent.glob("*.json"))}
_FIRST_VERSION_WITH_TREES = 7


def _params() -> list[Any]:
    return [
        pytest.param(case, version, id=f"{name}-v{version}")
        for name, case in _CASES.items()
        for version in case.get("versions", [5, 6, 7])
    ]


@pytest.mark.parametrize(("case", "version"), _params())
async def test_our_sdk_answers_as_the_case_says(case: dict[str, Any], version: int) -> None:
    """Without checkpoints our SDK answers a journal with the messages of the case."""
    journal = _journal(case, version)
    _check(case["answer"], await journal.endpoint.run(journal.request(), None), version)


@pytest.mark.parametrize(("case", "version"), [param for param in _params() if not param.values[0].get("only_ours")])
async def test_the_official_sdk_answers_as_the_case_says(case: dict[str, Any], version: int) -> None:
    """The official SDK answers the same journal with the same messages."""
    request = _journal(case, version).request()
    fn = handler_of(case["program"], restate)
    _check(case["answer"], await official_sdk.attempt(fn, case.get("kind", "service"), request), version)


@pytest.fixture(scope="module")
def node() -> Iterator[official_sdk.NodeFunction]:
    """The TypeScript SDK."""
    try:
        function = official_sdk.NodeFunction()
    except NodeMissing as missing:
        pytest.skip(f"the TypeScript SDK {missing}")
    yield function
    function.stop()


@pytest.mark.parametrize(
    ("case", "version"),
    [
        param
        for param in _params()
        if not param.values[0].get("only_ours") and "typescript_differs" not in param.values[0]
    ],
)
async def test_the_official_typescript_sdk_answers_as_the_case_says(
    case: dict[str, Any], version: int, node: official_sdk.NodeFunction
) -> None:
    """The official TypeScript SDK answers the same journal with the same messages."""
    request = _journal(case, version).request()
    _check(case["answer"], await node.attempt(case["program"], case.get("kind", "service"), request), version)


@pytest.mark.parametrize("case", [pytest.param(c, id=name) for name, c in _CASES.items() if "checkpointed" in c])
async def test_our_sdk_checkpoints_as_the_case_says(case: dict[str, Any]) -> None:
    """With checkpoints our SDK appends and answers what the case says for that mode."""
    journal, checkpoint = _journal(case, _FIRST_VERSION_WITH_TREES), FakeCheckpoint()
    frames = await journal.endpoint.run(journal.request(), checkpoint)
    expected = case["checkpointed"]
    appended = [raw for append in checkpoint.appends for raw in append]
    _check(expected["appended"], appended, _FIRST_VERSION_WITH_TREES)
    _check(expected["answer"], frames, _FIRST_VERSION_WITH_TREES)


def test_every_case_states_its_claim() -> None:
    """A case opens with a sentence, and has a program, a journal and an answer."""
    assert len(_CASES) >= 25
    for name, case in _CASES.items():
        assert case["claim"].endswith("."), name
        assert {"program", "journal", "answer"} <= case.keys(), name


def _journal(case: dict[str, Any], version: int) -> Journal:
    journal = Journal(
        handler_of(case["program"], holdfast),
        kind=case.get("kind", "service"),
        version=version,
        key=case.get("key", ""),
        state={key: value.encode() for key, value in case.get("state", {}).items()},
        is_state_partial=case.get("is_state_partial", False),
        start=case.get("start", {}),
    )
    journal.entries += [frame_from(entry) for entry in case["journal"]]
    return journal


def _check(expected: list[dict[str, Any]], frames: Sequence[bytes], version: int) -> None:
    answer = [spell(raw) for raw in frames]
    wanted = [_as_of(message, version) for message in expected]
    assert matches(_sorted(wanted), _sorted(answer)), json.dumps({"expected": wanted, "got": answer}, indent=1)


def _as_of(message: dict[str, Any], version: int) -> dict[str, Any]:
    if message["type"] == "SUSPENSION" and version < _FIRST_VERSION_WITH_TREES:
        return message | {"awaiting": flattened(message["awaiting"])}
    return message


def _sorted(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put neighbouring proposals in the order of their ids: steps that take no time finish in any order."""
    result: list[dict[str, Any]] = []
    for message in messages:
        at = len(result)
        if message["type"] == "PROPOSE_RUN_COMPLETION":
            while at and result[at - 1]["type"] == message["type"] and _id(result[at - 1]) > _id(message):
                at -= 1
        result.insert(at, message)
    return result


def _id(message: dict[str, Any]) -> int:
    return int(message["result_completion_id"])
