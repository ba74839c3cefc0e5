"""Files are named for what they hold, and documented."""

import ast
import pathlib
import subprocess

import pytest

Sources = dict[pathlib.Path, ast.Module]

pytestmark = pytest.mark.slow

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "core", "base"}
# In two halves, so that this file does not hold what it looks for.
PLACES = ("/wo" + "rk/", "/ro" + "ot/", "/tm" + "p/contract")


def test_no_module_has_a_name_that_says_nothing(sources: Sources) -> None:
    assert [str(file) for file in sources if VAGUE & {file.stem, *file.parts}] == []


def test_every_module_says_what_it_holds(sources: Sources) -> None:
    packages = {file: tree for file, tree in sources.items() if file.parts[0] != "tests" and file.name != "__init__.py"}
    assert [str(file) for file, tree in packages.items() if not ast.get_docstring(tree)] == []


def test_every_public_function_and_class_is_documented(sources: Sources) -> None:
    silent = [
        f"{file}:{node.lineno} {node.name}"
        for file, tree in sources.items()
        if file.parts[0] != "tests"
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_no_folder_below_tests_is_a_package(project: pathlib.Path) -> None:
    assert list((project / "tests").rglob("__init__.py")) == []


def test_no_text_names_a_place_of_one_machine(project: pathlib.Path) -> None:
    """Git looks through all files that it knows, in a fiftieth of the time of Python."""
    wanted = [argument for place in PLACES for argument in ("-e", place)]
    command = ["git", "-C", str(project), "grep", "--name-only", "--text", "--fixed-strings", *wanted, "--", ".", ":!uv.lock"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode > 1:
        pytest.skip("not a git checkout")
    assert found.stdout.splitlines() == []
