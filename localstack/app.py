"""What `make up` deploys: the orchestrator, and the examples as one function registered with it."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Stack

from examples.everything import services
from localstack.stacks import application, bundler, orchestrator, python_service

app = application()
zips = bundler()
main = orchestrator(app, zips, settings={})
examples = Stack(app, "Examples")
python_service(
    examples,
    "Examples",
    orchestrator=main,
    zips=zips,
    folder=Path(__file__).parent / "examples",
    services=[service.name for service in services],
    environment={},
)
app.synth()
