"""The documented ways to make a function."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from holdfast import aws_lambda
from holdfast.adapters import restate


@pytest.mark.parametrize("module", [aws_lambda, restate], ids=["ours", "restate"])
def test_the_example_in_the_docstring_runs(module: ModuleType) -> None:
    """The example of each public function of these modules is executed, and prints what it says."""
    for name in module.__all__:
        value = getattr(module, name)
        runner = doctest.DocTestRunner()
        for test in doctest.DocTestFinder().find(value, name, globs={}):
            assert runner.run(test, out=lambda _: None).failed == 0, test.name
    assert ">>>" in (module.handler.__doc__ or "")
