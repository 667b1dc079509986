"""AWS below botocore: real clients, whose requests are checked and answered with what a test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

REGION = "eu-west-1"

# The parameters of a request in, the answer out.
Answering = Callable[[Mapping[str, Any]], dict[str, Any]]


class Refused(Exception):
    """AWS refuses the request with this code."""

    def __init__(self, code: str, message: str = "refused") -> None:
        super().__init__(code)
        self.code, self.message = code, message


class CannedAws:
    """Stands where a botocore session does; `answers` are by operation, such as `DescribeStacks`."""

    def __init__(self, answers: Mapping[str, Answering]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []

    def create_client(self, service: str) -> Any:
        """Return a client; its parameters and our answers must be what the service's model says."""
        line = _line(service)
        line.other_end = self
        return line.client


class _Line:
    """A client, which takes a tenth of a second to make, and who answers it now."""

    def __init__(self, service: str) -> None:
        self.client = botocore.session.Session().create_client(
            service, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.other_end = CannedAws({})
        self._params: Mapping[str, Any] = {}
        self.client.meta.events.register_first("before-parameter-build.*.*", self._remember)
        self.client.meta.events.register_first("before-call.*.*", self._answer)

    def _remember(self, params: Mapping[str, Any], **_: Any) -> None:
        self._params = params

    def _answer(self, model: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        self.other_end.asked.append(model.name)
        try:
            answer = self.other_end.answers[model.name](self._params)
        except Refused as refused:
            error = {"Error": {"Code": refused.code, "Message": refused.message}}
            return SimpleNamespace(status_code=403), error
        if model.output_shape is not None:
            report = ParamValidator().validate(answer, model.output_shape)
            assert not report.has_errors(), f"no answer of {model.name}: {report.generate_report()}"
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {}}


_line = cache(_Line)
