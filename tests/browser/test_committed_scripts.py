"""The committed scripts and styles are those of the sources. It stands here because this lane fetches the packages of the console."""

import pathlib
import shutil
import subprocess

import pytest

from api.console.assets import FOLDER

SOURCES = pathlib.Path(__file__).parents[2] / "console"


def test_the_committed_files_are_built_of_the_sources_byte_for_byte(tmp_path: pathlib.Path) -> None:
    if not shutil.which("node") or not (SOURCES / "node_modules" / "esbuild").exists():
        pytest.skip("no node, or no packages: npm ci in the folder console installs them")
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=SOURCES, check=True, capture_output=True)
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert built == {path.name: path.read_bytes() for path in FOLDER.iterdir()}
