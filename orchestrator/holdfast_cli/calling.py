"""`holdfast call` and `holdfast send`: invoking a handler from the shell."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from holdfast_cli.ingress_client import HandlerFailed, Target
from holdfast_cli.json_input import require_json
from holdfast_cli.options import ingress_options, json_option
from holdfast_cli.pairs import headers_of
from holdfast_cli.printing import echo_json, echo_note, harmless
from holdfast_cli.problems import RequestFailed, UsageProblem
from holdfast_cli.state.document import shown_value

if TYPE_CHECKING:
    from holdfast_cli.ingress_client import IngressClient

_ACCEPTED = "Accepted"


def _invoking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the target and what is sent to it, which become `target`, `body` and `headers`."""

    @click.argument("target")
    @click.argument("body", required=False)
    @click.option("--key", metavar="KEY", help="The key, where it holds a slash; else write Service/key/handler.")
    @click.option("--scope", metavar="NAME", help="Call within this scope.")
    @click.option("--limit-key", metavar="KEY", help="What the scope's limits count it under.")
    @click.option("--idempotency-key", metavar="KEY", help="However often this is repeated, it runs once.")
    @click.option(
        "--header", "-H", "headers", multiple=True, metavar="'NAME: VALUE'", help="For the handler; repeatable."
    )
    @ingress_options
    @json_option
    @wraps(command)
    def with_request(
        *,
        target: str,
        body: str | None,
        key: str | None,
        scope: str | None,
        limit_key: str | None,
        idempotency_key: str | None,
        headers: tuple[str, ...],
        **options: Any,
    ) -> Any:
        content, sent = _content(body), headers_of(headers)
        if content is not None and "content-type" not in sent:
            require_json(content, what="The body", otherwise="say what it is, as in -H 'content-type: text/plain'")
            sent["content-type"] = "application/json"
        named = {"idempotency-key": idempotency_key, "x-restate-limit-key": limit_key}
        sent |= headers_of(f"{name}: {value}" for name, value in named.items() if value is not None)
        return command(_target(target, key, scope), content, sent, **options)

    return with_request


@click.command()
@_invoking_options
@click.option("--timeout", metavar="DURATION", help="How long to wait, such as 10s; the invocation itself goes on.")
def call(
    target: Target,
    body: bytes | None,
    headers: dict[str, str],
    ingress: IngressClient,
    timeout: str | None,
    *,
    as_json: bool,
) -> None:
    """Call a handler and print what it returns.

    TARGET is Service/handler, or Service/key/handler where there are keys. BODY is JSON, such as '"Ann"'; @file reads
    it from a file and - from stdin, and a header 'content-type: …' says if it is something else.
    """
    try:
        answer = ingress.call(target, body, headers, timeout_s=_seconds(timeout))
    except HandlerFailed as failed:
        _echo_failure(failed, as_json=as_json)
        click.get_current_context().exit(1)
    if as_json:
        echo_json({"invocation_id": answer.headers.get("x-restate-id"), "value": shown_value(answer.body)})
        return
    if answer.body:
        click.echo(answer.body, nl=not answer.body.endswith(b"\n"))


@click.command()
@_invoking_options
@click.option("--delay", metavar="DURATION", help="Begin after this time, such as 30s, 2h or 7d.")
def send(
    target: Target,
    body: bytes | None,
    headers: dict[str, str],
    ingress: IngressClient,
    delay: str | None,
    *,
    as_json: bool,
) -> None:
    """Start a handler and print the invocation's id; it is durable by then, and nobody waits for it.

    TARGET and BODY are those of `holdfast call`.
    """
    answer = ingress.send(target, body, headers, delay=delay)
    if as_json:
        echo_json(answer)
        return
    # Alone on stdout, for `holdfast invocations tail $(holdfast send …)`.
    click.echo(answer["invocationId"])
    if answer["status"] != _ACCEPTED:
        echo_note("It was there already; nothing was started.")


def _target(text: str, key: str | None, scope: str | None) -> Target:
    parts = text.strip("/").split("/")
    if key is not None:
        parts[1:1] = [key]
    if not 2 <= len(parts) <= 3 or (key is not None and len(parts) != 3) or not all(parts):
        raise UsageProblem(
            f"{text!r} names no handler: write Service/handler, Service/key/handler, or Service/handler with --key."
        )
    return Target(service=parts[0], key=parts[1] if len(parts) == 3 else None, handler=parts[-1], scope=scope)


def _content(body: str | None) -> bytes | None:
    if body == "-":
        return sys.stdin.buffer.read()
    if body is None or not body.startswith("@"):
        return None if body is None else body.encode()
    try:
        return Path(body[1:]).read_bytes()
    except OSError as error:
        raise UsageProblem(f"The body cannot be read from {body[1:]!r}: {error.strerror}.") from error


def _seconds(duration: str | None) -> float | None:
    if duration is None:
        return None
    from holdfast_http.durations import DurationError, parse_duration_ms

    try:
        # A socket that may wait for no time at all is one that does not wait.
        return max(parse_duration_ms(duration), 1) / 1000
    except DurationError as error:
        raise UsageProblem(f"--timeout: {error}.") from error


def _echo_failure(failed: HandlerFailed, *, as_json: bool) -> None:
    if as_json:
        echo_json({"invocation_id": failed.invocation_id, "failure": failed.failure})
        return
    about = f" ({failed.invocation_id})" if failed.invocation_id is not None else ""
    sentence = RequestFailed(f"[{failed.failure.get('code', '?')}] {harmless(str(failed))}{about}")
    sentence.show()
