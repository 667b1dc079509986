"""cdk-nag looks at everything, and every finding that is meant to be there has a reason."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cdk.conftest import Cloud


def test_nothing_is_left_to_say(cloud: Cloud) -> None:
    """No finding of cdk-nag is without a reason, whatever options an orchestrator has."""
    assert cloud.findings == []


def test_it_would_have_said_something(cloud: Cloud, tmp_path: Any) -> None:
    """The same checks refuse a bucket that nobody gave a reason for."""
    from aws_cdk import App, Stack
    from aws_cdk import aws_s3 as s3

    from holdfast_cdk.nag import check

    app = App(outdir=str(tmp_path))
    check(app)
    s3.Bucket(Stack(app, "Bad"), "Bucket")
    with pytest.raises(RuntimeError, match=r"AwsSolutions-S1\b"):
        app.synth()
