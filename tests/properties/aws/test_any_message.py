"""Whatever is put on the sends queue becomes an invocation or is parked with a reason, and does not come back."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from holdfast_aws.runtime.sends import REASON_ATTRIBUTE, Sends
from holdfast_engine.world import Settings
from holdfast_http.ingress.inputs import InputCheck
from tests.support import wire_frames as f
from tests.support.engine_world import EngineUnderTest, answers
from tests.support.virtual_time import in_virtual_time
from tests.unit.lambdas.surroundings import ProcessUnderTest, QueueUnderTest, failed, records

TEXT = st.text(max_size=20) | st.sampled_from(
    ["S", "O", "work", "add", "run", "k", "\x00", "../..", "${jndi:x}", "{{7*7}}"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
DELAYS = st.sampled_from([0, 1, 0.5, -1, 1e300, "PT1S", "P999999999D", "P1Y", "", None, "1e9999"])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "service": st.sampled_from(["S", "O"]) | JSON,
        "handler": st.sampled_from(["work", "add"]) | JSON,
        "key": TEXT | JSON,
        "body": JSON,
        "headers": st.dictionaries(TEXT, TEXT, max_size=2) | JSON,
        "idempotency_key": TEXT | JSON,
        "delay": DELAYS | JSON,
        "more": JSON,
    },
)
MESSAGES = (
    st.text(max_size=40)
    | JSON.map(json.dumps)
    | FIELDS.map(json.dumps)
    | FIELDS.map(lambda fields: json.dumps({"service": "S", "handler": "work", **fields}, ensure_ascii=False))
)


@settings(max_examples=150, deadline=None)
@given(st.lists(MESSAGES, min_size=1, max_size=4))
@example(['{"service": "S", "handler": "work", "body": "\\ud800"}'])
@example(['{"service": "S", "handler": "work", "headers": {"x": "\\udfff"}}'])
@example(["[" * 5_000])
@example(['{"service": "S", "handler": "work", "delay": "P999999999D"}'])
def test_any_message(bodies: list[str]) -> None:
    """No message is handed back to the queue: each is accepted or parked, with a reason that is not empty."""
    _play(bodies)


@in_virtual_time
async def _play(bodies: list[str]) -> None:
    async with EngineUnderTest(settings=Settings(runs_max=0)) as e:
        e.script["S/work"] = answers(*[[f.output(b""), f.END] for _ in bodies])
        queue = QueueUnderTest(e.clock)
        process: Any = ProcessUnderTest(e)
        work = Sends(process, parking=queue, check_input=InputCheck())
        assert failed(await work.handle(records(*bodies), None)) == []
        assert all(attributes[REASON_ATTRIBUTE] for _, attributes in queue.parked)
