"""`holdfast dev` as somebody at a prompt meets it: what it prints, what it refuses, how it reloads and how it ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from examples.demo.processes import ServerProcess, free_ports
from tests.support.site import Site, eventually

HOLDFAST = str(Path(sys.executable).with_name("holdfast"))

SHOP = """
import holdfast
from datetime import timedelta

shop = holdfast.Service("Shop")
stock = holdfast.VirtualObject("Stock")
checkout = holdfast.Workflow("Checkout")

@shop.handler()
async def greet(ctx: holdfast.Context, name: str) -> str:
    return f"Hello {name}"

@shop.handler()
async def nap(ctx: holdfast.Context, seconds: float) -> str:
    await ctx.sleep(timedelta(seconds=seconds))
    return "Hello again"

@stock.handler()
async def add(ctx: holdfast.ObjectContext, count: int) -> int:
    total = (await ctx.get("total", type_hint=int) or 0) + count
    ctx.set("total", total)
    return total

@checkout.main()
async def run(ctx: holdfast.WorkflowContext) -> str:
    return ctx.key()

services = [shop, stock, checkout]
"""


class Dev:
    """A `holdfast dev` that a test starts, on ports of the kernel's choice unless it says otherwise."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.log = folder / "dev.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [HOLDFAST, "dev", "--port", "0", "--admin-port", "0", *arguments],
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self.log.read_text()

    def url(self, name: str) -> str:
        found = eventually(lambda: re.search(rf"{name} +(http://\S+)", self.text))
        assert found, self.text
        return found[1]

    def site(self) -> Site:
        return Site(self.url("Ingress"), self.url("Admin"))

    def says(self, words: str) -> bool:
        return eventually(lambda: words in self.text)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Dev]]:
    """Start servers in a folder with a shop; those still running at the end are killed."""
    (tmp_path / "shop.py").write_text(SHOP)
    started: list[Dev] = []

    def start(*arguments: str) -> Dev:
        started.append(Dev(tmp_path, *arguments))
        return started[-1]

    yield start
    for dev in started:
        dev.process.kill()
        dev.process.wait()


def refused(folder: Path, *arguments: str) -> str:
    """Run a command that must be refused; return the one sentence it says."""
    command = [HOLDFAST, "dev", *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    sentence = ended.stderr.removeprefix("Error: ").removesuffix("\n")
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_the_lines_it_offers_work(start: Callable[..., Dev]) -> None:
    """Every curl line of the welcome can be pasted into a shell, and is answered with 200."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    dev = start("shop")
    dev.url("Admin")
    assert dev.says("To see its journal")
    lines = [line.strip() for line in dev.text.splitlines() if line.strip().startswith("curl ")]
    assert len(lines) == 3
    for line in lines:
        silent = line.replace("curl", "curl -s -o answer -w '%{http_code}'", 1)
        assert subprocess.check_output(["sh", "-c", silent], cwd=dev.folder, text=True) == "200", line
    assert dev.stop() == 0


def test_what_is_durable(start: Callable[..., Dev]) -> None:
    """State and results survive a SIGKILL in the folder the server was started in."""
    dev = start("shop")
    with dev.site() as site:
        assert site.call("/Stock/tea/add", 5) == 5
        site.send("/Shop/nap", 600)
    dev.process.kill()
    dev.process.wait()
    again = start("shop")
    with again.site() as site:
        assert site.call("/Stock/tea/add", 5) == 10
    assert "Going on with 1 unfinished invocation." in again.text
    assert (again.folder / ".holdfast").is_dir()


def test_ephemeral(start: Callable[..., Dev]) -> None:
    """A temporary data folder is used where one is asked for, and nothing is left of it."""
    dev = start("shop", "--ephemeral")
    with dev.site() as site:
        assert site.call("/Stock/tea/add", 5) == 5
    folders = [each for each in Path(f"/proc/{dev.process.pid}/fd").iterdir() if each.exists()]
    used = {str(each.resolve()) for each in folders}
    assert any("holdfast-" in each for each in used)
    assert dev.stop() == 0
    assert not (dev.folder / ".holdfast").exists()
    assert not [each for each in used if "holdfast-" in each and Path(each).exists()]


def test_no_services(start: Callable[..., Dev]) -> None:
    """Without services the server runs and says how to get some."""
    dev = start()
    with dev.site() as site:
        assert site.ingress.get("/restate/health").json() == {"services": []}
    assert "No services are registered yet." in dev.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping(start: Callable[..., Dev], number: int) -> None:
    """A signal ends the server within a bound, with exit code 0 and nothing but the welcome printed."""
    dev = start("shop", "--no-reload")
    dev.url("Admin")
    assert dev.says("To see its journal")
    before = dev.text
    assert dev.stop(number) == 0
    assert dev.text == before


def test_a_closed_terminal(start: Callable[..., Dev]) -> None:
    """A closed terminal does not end the server."""
    dev = start("shop")
    with dev.site() as site:
        dev.process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        assert site.call("/Shop/greet", "Ada") == "Hello Ada"


def test_impatience(start: Callable[..., Dev], tmp_path: Path) -> None:
    """A second signal ends the server at once, though a step is still running in a thread."""
    (tmp_path / "slow.py").write_text(
        "import time, holdfast\n"
        "slow = holdfast.Service('Slow')\n"
        "@slow.handler()\n"
        "async def work(ctx: holdfast.Context) -> None:\n"
        "    await ctx.run_typed('work', lambda: time.sleep(60))\n"
        "services = [slow]\n"
    )
    dev = start("slow")
    with dev.site() as site:
        site.send("/Slow/work")
        time.sleep(0.3)
    dev.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert dev.process.poll() is None
    began = time.monotonic()
    assert dev.stop(signal.SIGINT) == 1
    assert time.monotonic() - began < 5


def test_reload(start: Callable[..., Dev]) -> None:
    """A changed file takes hold under the same process id, ports and data; one that does not import changes nothing."""
    dev = start("shop")
    source = dev.folder / "shop.py"
    with dev.site() as site:
        assert site.call("/Shop/greet", "Ada") == "Hello Ada"
        assert site.call("/Stock/tea/add", 5) == 5
        napping = site.send("/Shop/nap", 3)

        source.write_text(SHOP + "\n1/0\n")
        assert dev.says(f"does not import: shop.py, line {SHOP.count(chr(10)) + 2}: ZeroDivisionError")
        assert "The code from before goes on serving." in dev.text
        assert site.call("/Shop/greet", "Ada") == "Hello Ada"

        source.write_text(SHOP.replace("Hello", "Howdy"))
        assert dev.says("Reloaded, because shop.py changed. Going on with 1 unfinished invocation.")
        assert site.call("/Shop/greet", "Ada") == "Howdy Ada"
        assert site.call("/Stock/tea/add", 5) == 10
        assert site.attach(napping).json() == "Howdy again"
    assert dev.process.poll() is None
    assert dev.stop() == 0


def test_requests_during_a_reload(start: Callable[..., Dev]) -> None:
    """Nobody who calls while the server reloads is refused a connection; the answer comes a little later."""
    dev = start("shop", "--ephemeral")
    url = f"{dev.url('Ingress')}/Shop/greet"
    assert dev.says("To see its journal")
    (dev.folder / "shop.py").write_text(SHOP.replace("Hello", "Howdy"))
    answers: list[str] = []
    deadline = time.monotonic() + 20
    while "Howdy Ada" not in answers and time.monotonic() < deadline:
        # A new connection each time: one that is kept may be closed while a request is on its way into it.
        answer = httpx.post(url, json="Ada", timeout=20, trust_env=False)
        assert answer.status_code in (200, 503), answer.text
        answers.append(answer.json() if answer.status_code == 200 else "")
    assert answers[-1] == "Howdy Ada"
    assert dev.stop() == 0


def test_no_reload(start: Callable[..., Dev]) -> None:
    """With --no-reload a changed file changes nothing."""
    dev = start("shop", "--no-reload")
    with dev.site() as site:
        (dev.folder / "shop.py").write_text(SHOP.replace("Hello", "Howdy"))
        time.sleep(1)
        assert site.call("/Shop/greet", "Ada") == "Hello Ada"
    assert "Reload   off" in dev.text


def test_registering_an_endpoint(start: Callable[..., Dev], tmp_path: Path) -> None:
    """An endpoint named with --register is registered when it comes up, though the server was there before it."""
    (port,) = free_ports(1)
    uri = f"http://127.0.0.1:{port}"
    dev = start("--register", uri)
    assert dev.says(f"{uri} is not registered yet")
    endpoint = ServerProcess(
        [sys.executable, "-m", "tests.support.serve", "--port", str(port), "tests.support.services.counter"],
        ready_urls=[f"{uri}/health"],
        log_path=tmp_path / "endpoint.log",
        env={"HOLDFAST_TEST_LOG": str(tmp_path / "steps.log")},
    )
    endpoint.start()
    try:
        assert dev.says(f"Registered {uri}:")
        with dev.site() as site:
            assert site.call("/Counter/k/add", 1) == 1
    finally:
        endpoint.kill()
    assert dev.stop() == 0


def test_a_taken_port(tmp_path: Path) -> None:
    """A taken port is named, with the option that chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        assert f"Port {port} for the ingress is taken" in refused(tmp_path, "--port", port, "--admin-port", "0")
        sentence = refused(tmp_path, "--port", "0", "--admin-port", port)
    assert f"Port {port} for the admin API is taken" in sentence
    assert "--admin-port" in sentence


def test_a_data_folder_in_use(start: Callable[..., Dev]) -> None:
    """A second server on one data folder is refused with the first one's process id."""
    dev = start("shop")
    dev.url("Admin")
    sentence = refused(dev.folder, "shop", "--port", "0", "--admin-port", "0")
    assert f"in use by another server (process {dev.process.pid})" in sentence
    assert "--data-dir" in sentence


@pytest.mark.parametrize(
    ("source", "arguments", "words"),
    [
        ("import nothing_there", ["bad"], "bad.py, line 1: ModuleNotFoundError"),
        ("", ["bad:nothing"], "has no 'nothing'"),
        ("services = 5", ["bad"], "neither a service"),
        (SHOP, ["shop", "bad"], "Two services are named 'Shop'"),
        ("", ["nowhere"], "There is no module 'nowhere'"),
        ("", ["shop", "--data-dir", "bad.py"], "The data folder bad.py cannot be used"),
        ("", ["shop", "--register", "localhost:9080"], "'localhost:9080' is no endpoint's address"),
        ("", ["shop", "--host", "203.0.113.1"], "Whoever reaches 203.0.113.1 could operate everything"),
        ("", ["shop", "--host", "203.0.113.1", "--token", "0123456789abcdef"], "Nothing can listen on 203.0.113.1"),
    ],
)
def test_refused(tmp_path: Path, source: str, arguments: list[str], words: str) -> None:
    """What cannot be started is one sentence on stderr and exit code 2."""
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "bad.py").write_text(source)
    assert words in refused(tmp_path, *arguments, "--port", "0", "--admin-port", "0")


def test_a_folder_that_is_no_data_folder(tmp_path: Path) -> None:
    """A database that is damaged or somebody else's is refused, not overwritten."""
    (tmp_path / ".holdfast").mkdir()
    database = tmp_path / ".holdfast" / "holdfast.db"
    database.write_bytes(os.urandom(8192))
    before = database.read_bytes()
    assert "holdfast.db" in refused(tmp_path, "--port", "0", "--admin-port", "0")
    assert database.read_bytes() == before
