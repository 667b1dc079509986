"""What a newcomer does first works as written: the README's example and the demo."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from examples.demo.processes import DevServer
from tests.support.site import Site, eventually
from tests.support.tree import ROOT


def test_the_example_of_the_readme_survives_a_kill(tmp_path: Path) -> None:
    """The fifteen lines run as they stand, and a kill while they sleep does not book a second room."""
    (example,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "hello.py").write_text(example)
    server = DevServer(["hello"], folder=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    server.start()
    try:
        with Site(server.ingress_url, server.admin_url) as site:
            greeting = site.send("/Greeter/Ada/greet", "Welcome")
            assert eventually(lambda: (site.invocation(greeting) or {}).get("status") == "suspended")
        server.kill()
        server.start()
        with Site(server.ingress_url, server.admin_url) as site:
            assert site.attach(greeting).json() == "Welcome Ada, room 1 is yours"
    finally:
        server.kill()


def test_the_demo_shows_each_step_once() -> None:
    """The demo kills its server during step 3 and ends with the verdict that each step took effect once."""
    command = [sys.executable, "-m", "examples.demo"]
    played = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "Each step took effect exactly once." in played.stdout
    assert len(re.findall(r"^ +\d +\w+ +once  ", played.stdout, re.MULTILINE)) == 6
