"""A handler's input and output: bad input is the caller's fault, bad output the handler's, and neither is retried."""

from __future__ import annotations

import dataclasses
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import holdfast
from holdfast._handler import Handler


@dataclasses.dataclass
class Order:
    amount: int


class Model(pydantic.BaseModel):
    amount: int


class Shout(holdfast.Serde[str]):
    def serialize(self, obj: str | None) -> bytes:
        return (obj or "").upper().encode()

    def deserialize(self, buf: bytes) -> str:
        if buf == b"teapot":
            raise holdfast.TerminalError("a teapot", status_code=418)
        return buf.decode().lower()


def _handler(fn: Any, **options: Any) -> Handler:
    service = holdfast.Service("Shop")
    service.handler("buy", **options)(fn)
    return service.handlers["buy"]


async def _typed(ctx: Any, order: Order) -> Order: ...  # type: ignore[empty-body]  # only its signature matters
async def _model(ctx: Any, order: Model) -> Model: ...  # type: ignore[empty-body]  # only its signature matters
async def _optional(ctx: Any, order: Order | None) -> None: ...
async def _default(ctx: Any, name: str = "World") -> None: ...
async def _plain(ctx, order): ...  # type: ignore[no-untyped-def]  # the point of it
async def _raw(ctx: Any, order: bytes) -> bytes: ...  # type: ignore[empty-body]  # only its signature matters


@pytest.mark.parametrize(
    ("fn", "body", "sentence"),
    [
        (_typed, b"{", "The input of Shop/buy is not JSON"),
        (_typed, b"\xff\xfe\xfd", "The input of Shop/buy is not JSON"),
        (_typed, b'{"amount": "two"}', "amount: expected a whole number, got 'two'"),
        (_typed, b"null", "expected an object (Order), got None"),
        (_typed, b"", "Shop/buy takes a Order, but the request has no body"),
        (_model, b'{"amount": "two"}', "Shop/buy is not valid: amount: Input should be a valid integer"),
        (_model, b"{", "Shop/buy is not valid: Invalid JSON: EOF"),
        (_typed, b"[" * 100_000, "The input of Shop/buy is not valid"),
        (_model, b"", "Shop/buy takes a Model, but the request has no body"),
        (_plain, b"{", "The input of Shop/buy is not JSON"),
    ],
)
def test_bad_input_is_a_terminal_400(fn: Any, body: bytes, sentence: str) -> None:
    """Input that does not fit ends the invocation with 400, because trying again would not help."""
    with pytest.raises(holdfast.TerminalError) as raised:
        _handler(fn).read_input(body)
    assert raised.value.status_code == 400
    assert sentence in raised.value.message


@given(body=st.binary(max_size=60) | st.text(alphabet='{}[]",:amount01e', max_size=60).map(str.encode))
def test_garbage_is_read_or_refused(body: bytes) -> None:
    """Whatever the bytes are, a typed handler gets a value of its type or the caller gets a 400."""
    try:
        assert isinstance(_handler(_typed).read_input(body), Order)
    except holdfast.TerminalError as error:
        assert error.status_code == 400


@pytest.mark.parametrize(
    ("fn", "body", "value"),
    [
        (_typed, b'{"amount": 2}', Order(2)),
        (_model, b'{"amount": 2}', Model(amount=2)),
        (_optional, b"", None),
        (_optional, b"null", None),
        (_default, b"", "World"),
        (_default, b'"Ada"', "Ada"),
        (_plain, b"", None),
        (_plain, b"[1]", [1]),
        (_raw, b"", b""),
        (_raw, b"\xff", b"\xff"),
    ],
)
def test_good_input_becomes_the_argument(fn: Any, body: bytes, value: Any) -> None:
    """Input that fits becomes what the annotation says; no body is None, or the parameter's default."""
    assert _handler(fn).read_input(body) == value


@pytest.mark.parametrize("value", [object(), [object()], {"a": b"bytes"}])
def test_bad_output_is_a_terminal_500_that_names_the_handler(value: Any) -> None:
    """A result that cannot be serialised ends the invocation and says whose it is and what it is."""
    with pytest.raises(holdfast.TerminalError) as raised:
        _handler(_plain).write_output(value)
    assert raised.value.status_code == 500
    assert f"Shop/buy returned a {type(value).__qualname__} that cannot be serialised" in raised.value.message


def test_a_custom_serde_has_the_last_word() -> None:
    """The user's serde reads and writes, decides about absence, and may raise its own terminal errors."""
    handler = _handler(_default, input_serde=Shout(), output_serde=Shout(), accept="text/*", content_type="text/plain")
    assert handler.read_input(b"HELLO") == "hello"
    assert handler.write_output("hello") == b"HELLO"
    assert (handler.accept, handler.content_type) == ("text/*", "text/plain")
    with pytest.raises(holdfast.TerminalError) as raised:
        handler.read_input(b"teapot")
    assert raised.value.status_code == 418


def test_bytes_travel_as_bytes() -> None:
    """A handler annotated with bytes takes any content type and returns an octet stream."""
    handler = _handler(_raw)
    assert (handler.accept, handler.content_type) == ("*/*", "application/octet-stream")


def test_an_untyped_default_serde_leaves_the_choice_to_the_annotation() -> None:
    """`DefaultSerde()` given by hand means the same as giving none, as in Restate's SDK."""
    handler = _handler(_typed, input_serde=holdfast.DefaultSerde(), output_serde=holdfast.DefaultSerde())
    assert handler.read_input(b'{"amount": 2}') == Order(2)
