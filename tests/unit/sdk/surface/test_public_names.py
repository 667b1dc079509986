"""The package's face: its public names, their documentation, and what a plain import does not cost."""

from __future__ import annotations

import ast
import doctest
import inspect
from pathlib import Path

import pytest

import holdfast

SOURCE = ast.parse(Path(holdfast.__file__).read_text(encoding="utf-8"))


def _names_for_type_checkers() -> set[str]:
    blocks = [node for node in SOURCE.body if isinstance(node, ast.If)]
    return {
        alias.asname or alias.name
        for block in blocks
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_type_checkers_and_interpreters_see_the_same_names() -> None:
    """The names for type checkers, the lazily resolved ones and `__all__` are the same."""
    assert _names_for_type_checkers() == set(holdfast.__all__) - {"__version__"}
    assert {*holdfast._MODULE_BY_NAME, *holdfast._NAME_BY_ALIAS} == set(holdfast.__all__) - {"__version__"}
    assert len(holdfast.__all__) == len(set(holdfast.__all__))


@pytest.mark.parametrize("name", holdfast.__all__)
def test_every_public_name_resolves_and_says_how_to_use_it(name: str) -> None:
    """Each public name can be imported, and each class and function has a docstring with an example."""
    value = getattr(holdfast, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        docstring = inspect.getdoc(value) or ""
        assert ">>>" in docstring, f"holdfast.{name} shows no example"


@pytest.mark.parametrize("name", holdfast.__all__)
def test_every_example_in_a_docstring_runs(name: str) -> None:
    """The examples of public names are executed, and print what they say."""
    value = getattr(holdfast, name)
    if not inspect.isclass(value) and not inspect.isfunction(value):
        return
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    for test in doctest.DocTestFinder().find(value, name, globs={}):
        assert runner.run(test, out=lambda _: None).failed == 0, test.name


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not there is reported as any module would."""
    with pytest.raises(AttributeError, match="module 'holdfast' has no attribute 'nonsense'"):
        _ = holdfast.nonsense
    assert set(holdfast.__all__) <= set(dir(holdfast))
