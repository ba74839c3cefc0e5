"""The packages keep their order, and the pure ones stay pure."""

import pathlib
import subprocess
import sys
import tomllib

import pytest

PURE = ("detectors.catalogue", "features.schema.decode", "patterns.policy", "pipeline.engine.scorer", "pipeline.engine.definitions.release")
CLIENTS = {"pyflink", "confluent_kafka", "fastapi", "sqlite3", "httpx"}


@pytest.mark.slow
def test_every_contract_of_import_linter_is_kept(project: pathlib.Path) -> None:
    run = subprocess.run([sys.executable, "-c", _LINT], cwd=project, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_package_is_built_typed_and_linted(project: pathlib.Path) -> None:
    packages = sorted(file.parent.name for file in project.glob("*/__init__.py"))
    configuration = tomllib.loads((project / "pyproject.toml").read_text())["tool"]
    assert packages == sorted(configuration["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert packages == sorted(configuration["mypy"]["packages"])
    assert packages == sorted(configuration["importlinter"]["root_packages"])
    assert packages == sorted(configuration["importlinter"]["contracts"][0]["layers"])


@pytest.mark.slow
def test_the_pure_modules_load_without_any_client(project: pathlib.Path) -> None:
    """One after the other in one process: what one of them loads, those behind it have loaded too."""
    program = f"""
import importlib, sys
for name in {PURE}:
    importlib.import_module(name)
    assert not {CLIENTS} & set(sys.modules), name
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


_LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
