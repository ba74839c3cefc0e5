"""The project's own files, as the tests of this folder look at them."""

import ast
import pathlib

import pytest

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ("alerts", "api", "deploy", "detectors", "features", "foundation", "patterns", "pipeline", "stores", "weir")


@pytest.fixture(scope="session")
def project() -> pathlib.Path:
    """The project's root folder."""
    return PROJECT


@pytest.fixture(scope="session")
def sources() -> dict[pathlib.Path, ast.Module]:
    """Every Python file of the packages and the tests, parsed, by its path below the root."""
    folders = [PROJECT / name for name in (*PACKAGES, "tests")]
    files = sorted(file for folder in folders for file in folder.rglob("*.py"))
    return {file.relative_to(PROJECT): ast.parse(file.read_text()) for file in files}
