"""Agreeing on a version of the discovery manifest."""

from __future__ import annotations

import pytest

from holdfast_protocol.manifest import manifest_accept, manifest_media_type, manifest_version, negotiate

V = "application/vnd.restate.endpointmanifest.v{}+json".format


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_a_media_type_names_one_version(version: int) -> None:
    """Writing and reading the content type are inverse."""
    assert manifest_media_type(version) == V(version)
    assert manifest_version(V(version)) == version
    assert negotiate(V(version)) == version


@pytest.mark.parametrize(
    "content_type", ["", "application/json", V(6), V(0), V(4) + "; charset=utf-8", " " + V(4), V(4).upper()]
)
def test_a_response_must_have_exactly_an_offered_type(content_type: str) -> None:
    """A discovery response of any other content type comes from a bad endpoint."""
    assert manifest_version(content_type) is None


def test_the_offer_is_ascending_with_comma_and_space() -> None:
    """One SDK splits the header literally, so its form is fixed."""
    assert manifest_accept() == ", ".join(V(version) for version in (1, 2, 3, 4, 5))
    assert negotiate(manifest_accept()) == 5


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        (f"{V(1)}, {V(2)}, {V(3)}", 3),
        (f"{V(3)},{V(2)}", 3),
        (f"{V(4)}, {V(6)}", 4),
        (f"{V(2)};q=0.5, text/html", 2),
        (V(3).upper(), 3),
        (f"{V(2)}, */*", 2),
        ("", 4),
        (" ", 4),
        ("*/*", 4),
        ("text/html, */*;q=0.8", 4),
        ("application/*", 4),
        (V(6), None),
        ("application/json", None),
        ("text/html", None),
        (V(44), None),
        ("x" + V(4), None),
    ],
)
def test_the_highest_common_version_wins(accept: str, version: int | None) -> None:
    """The best offered version is taken; a client that takes anything gets the last settled one; else there is none."""
    assert negotiate(accept) == version
