"""The file of authorities that endpoints' certificates are trusted by."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast_cli.dev.identity import checked_ca_file
from holdfast_cli.problems import UsageProblem
from tests.support.certificates import Certificates


def test_a_good_file_is_taken(tmp_path: Path) -> None:
    """A file of certificates is taken, and so is none at all."""
    file = Certificates(tmp_path).ca_file
    assert (checked_ca_file(file), checked_ca_file(None)) == (file, None)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file or directory"), (b"nonsense", "it holds no certificate in PEM")]
)
def test_another_is_refused(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """A file that is not there or holds no certificate is named, with the reason."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageProblem, match=f"ca.pem cannot be used: {reason}"):
        checked_ca_file(file)
