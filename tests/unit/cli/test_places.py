"""Sockets and data folders: one holder each, and a sentence for whoever comes second."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from holdfast_cli.dev.data_folder import DataFolder
from holdfast_cli.dev.places import find_places, take_over
from holdfast_cli.dev.sockets import listen, url_of
from holdfast_cli.problems import UsageProblem


def test_any_port() -> None:
    """Port 0 is any free port, and the URL names it."""
    with listen("127.0.0.1", 0, purpose="ingress", option="--port") as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("host", "url"), [("0.0.0.0", "http://127.0.0.1:"), ("::1", "http://[::1]:"), ("::", "http://[::1]:")]
)
def test_url_of_other_hosts(host: str, url: str) -> None:
    """The URL is one that works from this machine."""
    if ":" in host and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with listen(host, 0, purpose="ingress", option="--port") as listener:
        assert url_of(listener).startswith(url)


def test_a_taken_port() -> None:
    """A taken port is named, with what it was for and how to choose another."""
    with listen("127.0.0.1", 0, purpose="ingress", option="--port") as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UsageProblem, match=rf"Port {port} for the admin API is taken.*--admin-port") as problem:
            listen("127.0.0.1", port, purpose="admin API", option="--admin-port")
    assert problem.value.exit_code == 2


@pytest.mark.parametrize(("host", "port", "words"), [("203.0.113.1", 0, "203.0.113.1"), ("127.0.0.1", 70_000, "70000")])
def test_nowhere_to_listen(host: str, port: int, words: str) -> None:
    """A host of another machine, or a number that is no port, is one sentence, too."""
    with pytest.raises(UsageProblem, match=words):
        listen(host, port, purpose="ingress", option="--port")


def test_a_folder_has_one_holder(tmp_path: Path) -> None:
    """A data folder in use is refused with the process that has it, and free again once that lets go."""
    first = DataFolder(tmp_path / "a" / "b")
    with pytest.raises(UsageProblem, match=rf"in use by another server \(process {os.getpid()}\).*--data-dir"):
        DataFolder(tmp_path / "a" / "b")
    first.release()
    DataFolder(tmp_path / "a" / "b").release()


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    """A folder that cannot be made is one sentence with the reason."""
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "folder"):
        with pytest.raises(UsageProblem, match=r"cannot be used: .*; choose another with --data-dir\."):
            DataFolder(path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder without the right to write is refused before anything starts."""
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(UsageProblem, match="Permission denied"):
        DataFolder(tmp_path)
    tmp_path.chmod(0o700)


def test_places_survive_a_handover(tmp_path: Path) -> None:
    """What one incarnation leaves is what the next one has: the same ports and the same folder."""
    places = find_places(host="127.0.0.1", ingress_port=0, admin_port=0, data_folder=None)
    left = places.left("a.py")
    urls = url_of(places.ingress), url_of(places.admin)
    folder = places.folder.path
    # As an exec would: the descriptors stay, everything else goes.
    places.ingress.detach()
    places.admin.detach()
    places.folder.release()
    again = take_over(left, tmp_path)
    assert (url_of(again.ingress), url_of(again.admin), again.folder.path) == (*urls, folder)
    assert not os.get_inheritable(again.ingress.fileno())
    again.close()
    assert not folder.exists()


def test_a_folder_of_ones_own_stays(tmp_path: Path) -> None:
    """A data folder that was asked for stays when the server goes."""
    places = find_places(host="127.0.0.1", ingress_port=0, admin_port=0, data_folder=tmp_path / "data")
    assert not places.is_temporary
    places.close()
    assert (tmp_path / "data").exists()
