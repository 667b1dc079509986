"""Logs, metrics and traces of Holdfast's functions, all through Powertools and all set up here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import Metrics, MetricUnit

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_NAMESPACE = "Holdfast"


class LambdaContext(Protocol):
    """What we read of the context that Lambda gives with an event."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the event may still take."""
        ...


class Telemetry:
    """What a function says about itself; its name comes from `POWERTOOLS_SERVICE_NAME`, which the construct sets."""

    def __init__(self, *, tracing: bool) -> None:
        self._logger = Logger()
        # Everything in the engine and beside it logs to `holdfast` or below, with the standard library alone.
        copy_config_to_registered_loggers(source_logger=self._logger, include={"holdfast"})
        self._metrics = Metrics(namespace=_NAMESPACE)
        self._tracer = _tracer() if tracing else None

    def count(self, name: str, number: int = 1) -> None:
        """Add to a metric."""
        if number:
            self._metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)

    @contextmanager
    def event(self, context: LambdaContext) -> Iterator[None]:
        """Surround the handling of an event: its id in every line, its metrics written, its segment in the trace."""
        self._logger.append_keys(function_request_id=context.aws_request_id)
        try:
            with self._segment():
                yield
        finally:
            if self._metrics.metric_set:
                self._metrics.flush_metrics()

    def _segment(self) -> AbstractContextManager[Any]:
        if self._tracer is None:
            return nullcontext()
        segment: AbstractContextManager[Any] = self._tracer.provider.in_subsegment(name="## handle")
        return segment


def _tracer() -> Any:
    # X-Ray's SDK takes as long to import as Powertools itself: only where tracing was asked for. It patches nothing,
    # because its headers would put messages back into the chain of requests that they are taken out of on purpose.
    from aws_lambda_powertools import Tracer

    return Tracer(auto_patch=False)
