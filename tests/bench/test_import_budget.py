"""What importing the SDK costs in a bare interpreter: a ratio to `import asyncio`, and modules that must stay out.

A cold start of a function pays for every import, so the budget is a test. CPU time differs between machines; the
ratio to asyncio, measured beside it, does not: asyncio is what any async handler pays anyhow, and 2.2 times that is
the budget of 60 ms on the machine it was set on, where asyncio took 33 ms.
"""

from __future__ import annotations

import pytest

from tests.support.import_cost import cost_ratio, modules_after

HANDLER_MODULE = """
import holdfast
from holdfast import Service, VirtualObject, Workflow, Context, ObjectContext, RunOptions, TerminalError
service = Service("Greeter")
@service.handler()
async def greet(ctx: Context, name: str) -> str:
    return name
holdfast.app([service])
"""

NEVER_BEFORE_USED = ["boto3", "cryptography", "google.protobuf", "httpx", "msgspec", "pydantic", "uvicorn"]


@pytest.mark.parametrize(
    ("code", "ratio_max"),
    [
        pytest.param("import holdfast", 0.6, id="import"),
        pytest.param(HANDLER_MODULE, 2.2, id="a module with a handler"),
    ],
)
def test_the_import_stays_within_its_budget(code: str, ratio_max: float) -> None:
    """Importing the SDK, and even defining and serving a handler, costs little more than asyncio alone."""
    assert cost_ratio(code, "import asyncio", ratio_max=ratio_max) <= ratio_max


@pytest.mark.parametrize("code", ["import holdfast", HANDLER_MODULE], ids=["import", "a module with a handler"])
def test_what_is_not_used_is_not_imported(code: str) -> None:
    """Nothing optional is imported before it is used, and protobuf not before the first attempt."""
    assert modules_after(code).isdisjoint(NEVER_BEFORE_USED)


def test_a_plain_import_brings_no_event_loop() -> None:
    """Importing the package alone does not even import asyncio; names are resolved when they are used."""
    assert modules_after("import holdfast").isdisjoint({"asyncio", "inspect", "dataclasses"})


@pytest.mark.parametrize("library", ["pydantic", "msgspec"])
def test_models_are_recognised_without_importing_their_library(library: str) -> None:
    """Reading and writing typed values asks what is imported already and imports nothing itself."""
    code = (
        "import dataclasses\n"
        "from holdfast._serde import strict_serde_for\n"
        "from holdfast._json_schema import json_schema_for\n"
        "@dataclasses.dataclass\nclass Item:\n    id: str\n"
        'strict_serde_for(list[Item]).deserialize(b\'[{"id": "a"}]\')\n'
        "json_schema_for(list[Item])\n"
    )
    assert library not in modules_after(code)
