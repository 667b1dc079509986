"""ministack with some changes: run by the Python of the stand-in's own virtual environment, as a script.

Its CloudFormation makes tables in ministack's own DynamoDB, whose queries get slow with size. Here every table it makes
or deletes is made or deleted on `HOLDFAST_DYNAMODB_URL` as well; the functions find that one by the variable
`AWS_ENDPOINT_URL_DYNAMODB`, which they inherit from this process.

And it writes and unpacks a function's zip anew for every process. Here that is done once; the processes share the
files, which nobody writes to: on AWS, /var/task is read-only.

And it judges requests by the policies of roles, queues and buckets as AWS does but for two things: what comes over
loopback counts as good as TLS, and a batch of messages needs the permission for one.

And it is made quicker where it only waits: after each call of a function it gives its log a twentieth of a second, for
messages that become visible it looks once a second, and botocore is loaded into every function to count calls in a
circle. Lambda does none of it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import boto3
from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

_TYPE = "AWS::DynamoDB::Table"
_SCHEMA = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes")
# What a function has said is almost always there when it answers; a line that is late comes with the next call's.
_LOG_WAIT_S = 0.002
# How often queues are looked at for messages that have become visible by themselves.
_LOOK_EVERY_S = 0.1
_ZIP_BEGINS = b"PK"
_COUNTS_CALLS = "    _ms_install_invoke_depth()\n"


def _mirrored(handlers: dict[str, Any], client: Any) -> None:
    create: Callable[..., tuple[str, dict[str, Any]]] = handlers["create"]
    delete: Callable[..., Any] = handlers["delete"]

    def create_both(logical_id: str, props: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        name, attributes = create(logical_id, props, stack_name)
        schema = {each: props[each] for each in _SCHEMA if each in props}
        client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **schema)
        return name, attributes

    def delete_both(physical_id: str, props: dict[str, Any]) -> Any:
        client.delete_table(TableName=physical_id)
        return delete(physical_id, props)

    handlers["create"], handlers["delete"] = create_both, delete_both


def _unpacked(zipped: bytes) -> Path:
    """Return the folder with a zip's contents, which are unpacked the first time."""
    unpacked = Path(tempfile.gettempdir()) / f"unpacked-{sha256(zipped).hexdigest()[:20]}"
    if not unpacked.exists():
        # Made beside its place and moved there whole: several processes may start at once.
        unfinished = tempfile.mkdtemp(dir=unpacked.parent)
        with ZipFile(BytesIO(zipped)) as archive:
            archive.extractall(unfinished)
        try:
            Path(unfinished).rename(unpacked)
        except OSError:
            shutil.rmtree(unfinished)
    return unpacked


class _Unpacked:
    """What a process is given in the place of a zip: a file with the name of the folder where its contents are."""

    def __init__(self, name: str) -> None:
        self._contents = Path(Path(name).read_text())

    def __enter__(self) -> _Unpacked:
        return self

    def __exit__(self, *_: object) -> None: ...

    def extractall(self, path: str) -> None:
        Path(path).rmdir()
        Path(path).symlink_to(self._contents)


def _unpacked_once() -> None:
    spawn = lambda_runtime.Worker._spawn

    def spawn_with_folder(worker: lambda_runtime.Worker) -> None:
        if worker.code_zip.startswith(_ZIP_BEGINS):
            worker.code_zip = str(_unpacked(worker.code_zip)).encode()
        spawn(worker)

    lambda_runtime.Worker._spawn = spawn_with_folder
    lambda_runtime.zipfile = SimpleNamespace(**{**vars(lambda_runtime.zipfile), "ZipFile": _Unpacked})


def _as_good_as_tls(address: str, _: bool) -> None:
    iam_evaluator.pin_request_origin(address, True)


def _as_one_message(action_of: Callable[..., str | None]) -> Callable[..., str | None]:
    def action_of_one(service: str, *request: Any, **more: Any) -> str | None:
        action = action_of(service, *request, **more)
        return action.removesuffix("Batch") if action is not None and service == "sqs" else action

    return action_of_one


class _Impatient:
    """An event for which nobody waits long."""

    def __init__(self, event: threading.Event) -> None:
        self.set, self.clear = event.set, event.clear
        self._wait = event.wait

    def wait(self, timeout: float) -> bool:
        return self._wait(min(timeout, _LOOK_EVERY_S))


def _made_quicker() -> None:
    drain = lambda_runtime.Worker._drain_stderr_bounded
    lambda_runtime.Worker._drain_stderr_bounded = lambda worker: drain(worker, first_line_wait=_LOG_WAIT_S)
    lambda_runtime._PYTHON_WORKER_SCRIPT = lambda_runtime._PYTHON_WORKER_SCRIPT.replace(_COUNTS_CALLS, "")
    lambda_svc._esm_wake = _Impatient(lambda_svc._esm_wake)


if __name__ == "__main__":
    _made_quicker()
    _unpacked_once()
    if url := os.environ.get("HOLDFAST_DYNAMODB_URL"):
        _mirrored(provisioners._RESOURCE_HANDLERS[_TYPE], boto3.client("dynamodb", endpoint_url=url))
    app.pin_request_origin = _as_good_as_tls
    iam_actions.extract_iam_action = _as_one_message(iam_actions.extract_iam_action)
    app.main()
