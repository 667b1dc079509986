"""Records as bytes for the embedded store; msgspec does it in about a microsecond, typed in both directions."""

from __future__ import annotations

from msgspec.msgpack import Decoder, Encoder

from holdfast_engine.records import Head, Lock, Page, Promise
from holdfast_engine.registry import Deployment

encode = Encoder().encode
decode_head = Decoder(Head).decode
decode_page = Decoder(Page).decode
decode_lock = Decoder(Lock).decode
decode_promise = Decoder(Promise).decode
decode_deployment = Decoder(Deployment).decode
