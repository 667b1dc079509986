"""Checks of an installation's stack and functions: there, up, fed by their queues, and no loop to Lambda."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from holdfast_aws.stack import variables_of
from holdfast_cli.doctor.findings import Check, Verdict
from holdfast_cli.problems import RequestFailed

if TYPE_CHECKING:
    from holdfast_aws.stack import Stack

_FUNCTIONS = ("ingress", "dispatcher", "sends", "sweeper", "admin", "registrar")
# Those that a queue feeds.
_CONSUMERS = ("dispatcher", "sends")
_TABLES = ("JOURNAL", "KEYS", "TIMERS", "REGISTRY")
# It runs every five minutes, and a timer is late when three runs in a row have failed.
_SWEPT_MS_MAX = 15 * 60 * 1000


class StackChecks:
    """The checks of one stack, by read-only calls alone."""

    def __init__(self, stack: Stack, *, now_ms: int, function_arns: Callable[[], Sequence[str]]) -> None:
        self._stack = stack
        self._now_ms = now_ms
        self._function_arns = function_arns

    def all(self) -> list[Check]:
        """Return them in the order in which a reader wants to know."""
        return [
            Check(name="stack", find=self._is_there, is_vital=True),
            Check(name="functions", find=self._functions),
            Check(name="consumers", find=self._consumers),
            Check(name="recursion", find=self._recursion),
            Check(name="tables", find=self._tables),
            Check(name="bucket", find=self._bucket),
            Check(name="sweeper", find=self._swept),
        ]

    def of_services(self) -> list[Check]:
        """Return those for which the admin API has to say what is registered."""
        return [Check(name="recursion of services", find=self._recursion_of_services)]

    def _is_there(self) -> Iterator[tuple[Verdict, str]]:
        (stack,) = self._stack.client("cloudformation").describe_stacks(StackName=self._stack.name)["Stacks"]
        status = stack["StackStatus"]
        if status.endswith("_IN_PROGRESS"):
            yield Verdict.WARNING, f"{self._stack.name} is {status}: look again when that is over."
        elif "ROLLBACK" in status or status.endswith("_FAILED"):
            yield Verdict.FAILURE, f"{self._stack.name} is {status}: its last deployment failed; its events say why."
        else:
            yield Verdict.OK, f"{self._stack.name} is {status}."

    def _functions(self) -> Iterator[tuple[Verdict, str]]:
        functions = self._stack.functions
        missing = [name for name in _FUNCTIONS if name not in functions]
        if missing:
            yield Verdict.FAILURE, f"There is no function {', '.join(missing)} in the stack: deploy it again."
        for name, configuration in functions.items():
            state, update = configuration.get("State", "Active"), configuration.get("LastUpdateStatus", "Successful")
            # A function that was not called for weeks is put aside and comes back with the next call.
            if state not in ("Active", "Inactive") or update != "Successful":
                reason = configuration.get("StateReason") or configuration.get("LastUpdateStatusReason") or "no reason"
                yield Verdict.FAILURE, f"{name} is {state}, its last update {update}: {reason}."
        versions = {variables_of(each).get("HOLDFAST_VERSION", "?") for each in functions.values()}
        if len(versions) > 1:
            yield (
                Verdict.FAILURE,
                f"They are of several versions: {', '.join(sorted(versions))}: deploy the stack again.",
            )
        elif functions and not missing:
            yield Verdict.OK, f"{len(functions)} of version {versions.pop()}."

    def _consumers(self) -> Iterator[tuple[Verdict, str]]:
        client = self._stack.client("lambda")
        for name in _CONSUMERS:
            function = self._function(name)
            mappings = client.list_event_source_mappings(FunctionName=function["FunctionName"])["EventSourceMappings"]
            enabled = [each for each in mappings if each.get("State") in ("Enabled", "Enabling", "Updating")]
            if enabled:
                yield Verdict.OK, f"{name} is fed by its queue."
            else:
                states = ", ".join(str(each.get("State")) for each in mappings) or "not there"
                yield Verdict.FAILURE, f"{name} is not fed by its queue (the mapping is {states}): nothing goes on."

    def _recursion(self) -> Iterator[tuple[Verdict, str]]:
        yield from self._allowed({name: each["FunctionName"] for name, each in self._stack.functions.items()})

    def _recursion_of_services(self) -> Iterator[tuple[Verdict, str]]:
        # A version has the setting of its function: the ARN without what is behind the seventh colon.
        functions = [arn.split(":")[:7] for arn in self._function_arns()]
        yield from self._allowed({parts[-1]: ":".join(parts) for parts in functions})

    def _allowed(self, functions: Mapping[str, str]) -> Iterator[tuple[Verdict, str]]:
        client = self._stack.client("lambda")
        ended = [
            name
            for name, function in functions.items()
            if client.get_function_recursion_config(FunctionName=function).get("RecursiveLoop") != "Allow"
        ]
        if ended:
            sentence = "Lambda takes long chains of invocations for loops, and ends them: set RecursiveLoop to Allow on"
            yield Verdict.FAILURE, f"{sentence} {', '.join(ended)}."
        elif functions:
            yield Verdict.OK, f"Allowed for {', '.join(functions)}."

    def _tables(self) -> Iterator[tuple[Verdict, str]]:
        told = variables_of(self._function("dispatcher"))
        client = self._stack.client("dynamodb")
        bad = 0
        for name in _TABLES:
            table = told.get(f"HOLDFAST_{name}_TABLE", "")
            status = client.describe_table(TableName=table)["Table"]["TableStatus"]
            if status not in ("ACTIVE", "UPDATING"):
                bad += 1
                yield Verdict.FAILURE, f"{table} is {status}."
        if not bad:
            yield Verdict.OK, f"All {len(_TABLES)} can be used."

    def _bucket(self) -> Iterator[tuple[Verdict, str]]:
        bucket = variables_of(self._function("dispatcher")).get("HOLDFAST_BLOBS_BUCKET", "")
        self._stack.client("s3").head_bucket(Bucket=bucket)
        yield Verdict.OK, f"{bucket} is there."

    def _swept(self) -> Iterator[tuple[Verdict, str]]:
        table = variables_of(self._function("dispatcher")).get("HOLDFAST_TIMERS_TABLE", "")
        key = {"p": {"S": "swept"}, "s": {"S": "swept"}}
        item = self._stack.client("dynamodb").get_item(TableName=table, Key=key).get("Item")
        if item is None:
            yield Verdict.WARNING, "It has not run yet; it does every five minutes."
            return
        ago_ms = self._now_ms - int(item["n"]["N"])
        if ago_ms > _SWEPT_MS_MAX:
            yield Verdict.FAILURE, f"It last ran {ago_ms // 60_000} minutes ago, so timers are late: see its log."
        else:
            yield Verdict.OK, "It has run within the last quarter of an hour."

    def _function(self, name: str) -> dict[str, Any]:
        found = self._stack.functions.get(name)
        if found is None:
            raise RequestFailed(f"The stack {self._stack.name!r} has no function {name}.")
        return found
