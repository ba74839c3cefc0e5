"""An array that a compiled function makes and lends is its own for as long as it is used."""

import ast
import pathlib
from collections.abc import Iterator

import numba
import numpy as np
import pytest

from foundation.compiled import borrowed, held

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ("detectors", "features", "patterns", "pipeline")


@numba.njit
def two_arrays(size: int) -> tuple[int, int]:
    """What two arrays hold, each of which was written to with another number."""
    own = np.empty(size, np.int64)
    one = borrowed(own)
    own_other = np.empty(size, np.int64)
    other = borrowed(own_other)
    one[0], other[0] = 1, 2
    found = one[0], other[0]
    held(own)
    held(own_other)
    return found


@pytest.mark.parametrize("size", [1, 64, 256, 4_096, 1_000_000])
def test_memory_that_is_lent_and_held_is_given_to_nobody_else(size: int) -> None:
    assert two_arrays(size) == (1, 2)


def lent_and_not_held(function: ast.FunctionDef) -> Iterator[str]:
    """The names that a function gives values of its own and lends, and that no later line holds."""
    arguments = {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
    lent: dict[str, int] = {}
    kept: dict[str, int] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("borrowed", "held"):
            root = node.args[0]
            while isinstance(root, ast.Attribute | ast.Subscript | ast.Call):
                root = root.func if isinstance(root, ast.Call) else root.value
            name = root.id if isinstance(root, ast.Name) else ast.unparse(root)
            (lent if node.func.id == "borrowed" else kept)[name] = node.lineno
    made = {name.id for node in ast.walk(function) if isinstance(node, ast.Assign) for name in names_in(node.targets)} | {"np"}
    return (name for name in lent if name not in arguments and name in made and kept.get(name, 0) <= lent[name])


def names_in(targets: list[ast.expr]) -> Iterator[ast.Name]:
    for target in targets:
        yield from (node for node in ast.walk(target) if isinstance(node, ast.Name))


@pytest.mark.slow
def test_whatever_a_compiled_function_makes_and_lends_is_held_behind_its_last_use() -> None:
    wrong = []
    for package in PACKAGES:
        for file in (PROJECT / package).rglob("*.py"):
            functions = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)]
            wrong += [f"{file.relative_to(PROJECT)}: {each.name}: {name}" for each in functions for name in lent_and_not_held(each)]
    assert wrong == []


def test_an_array_that_is_lent_and_not_held_is_found() -> None:
    [function] = ast.parse("def f(n):\n    own = np.empty(n)\n    a = borrowed(own)\n    return a[0] + borrowed(np.ones(3))[0]\n").body
    assert isinstance(function, ast.FunctionDef)
    assert list(lent_and_not_held(function)) == ["own", "np"]
