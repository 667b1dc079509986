"""The version of a state is the one that Restate's command line computes."""

from __future__ import annotations

import pytest

from holdfast_engine.editing import state_version

# Each was sent by the official command when a server had shown it this state.
SEEN: list[tuple[dict[str, bytes], str]] = [
    ({}, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"),
    ({"": b""}, "j1CBQTwoCoNIaf7dN0IpI_R-GIAT8ix5Q88AYeg0a2E"),
    ({"": b"a"}, "vl5l8rJurz1BltfrkX1yt6EDDLKjCAHqzF8X9Pl88Lg"),
    ({"items": b'["milk"]'}, "htYn2uTxWvET16oqwxlZoWNTSoV6OZTMrv0FfemLldQ"),
    ({"b": b"y", "a": b"x"}, "tAYPIEJ37uf7AALGwm1QoFvUR-fQk9KaLOW3O3l19z4"),
    ({str(number): b"v%d" % number for number in range(300)}, "9TPv_dR12pmAea_BbYKWlIB8_B5hSih96eAwbUBzbzE"),
    (
        {"\u00e9": b"\xff\0", "z": b"1", "Z": b"2", "aa": b"", "a": b"\1\2\3"},
        "oDU5boitLX4KkaZ3pYFl8652boEPFnsPazcKu_T1i2o",
    ),
    ({"\U0001f600": b"1", "\uffff": b"2"}, "b0pdwDA8aK_mQHNvuw2D9zUJVmcTDR69IRktbl52o4c"),
]


@pytest.mark.parametrize(("state", "version"), SEEN, ids=[str(len(state)) + version[:4] for state, version in SEEN])
def test_it_is_the_one_the_official_command_sends(state: dict[str, bytes], version: str) -> None:
    """Names are told apart from values, in the order of their bytes, whatever order they come in."""
    assert state_version(state) == version
    assert state_version(dict(reversed(state.items()))) == version
