"""Jars are made once, never half, and a missing program is named with the command that installs it."""

import os
import pathlib
import shutil
import stat

import pytest

from deploy.machine import jars
from foundation.refusal import Refusal

FAKE_MAVEN = """#!/bin/sh
echo run >> {runs}
for argument in "$@"; do
  case "$argument" in -DoutputDirectory=*) touch "${{argument#-DoutputDirectory=}}/some.jar" ;; esac
done
{end}
"""


@pytest.fixture
def programs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A PATH of its own with a shell's tools and no Java."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "touch"):
        os.symlink(shutil.which(tool) or tool, folder / tool)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(folder: pathlib.Path, name: str, text: str = "#!/bin/sh\n") -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(stat.S_IRWXU)


def install_all(folder: pathlib.Path, end: str = "exit 0") -> pathlib.Path:
    runs = folder / "runs"
    runs.touch()
    install(folder, "java")
    install(folder, "javac")
    install(folder, "mvn", FAKE_MAVEN.format(runs=runs, end=end))
    return runs


def test_without_java_the_command_that_installs_it_is_named(programs: pathlib.Path, tmp_path: pathlib.Path) -> None:
    install(programs, "mvn")
    with pytest.raises(Refusal) as refusal:
        jars.server_jars("kafka", tmp_path / "cache")
    assert refusal.value.got == "no java, javac"
    assert "apt-get install --yes openjdk-17-jdk-headless maven" in refusal.value.remedy


def test_jars_are_fetched_once(programs: pathlib.Path, tmp_path: pathlib.Path) -> None:
    runs = install_all(programs)
    first = jars.server_jars("kafka", tmp_path / "cache")
    assert [jar.name for jar in first.iterdir()] == ["some.jar"]
    assert jars.server_jars("kafka", tmp_path / "cache") == first
    assert runs.read_text() == "run\n"


def test_a_failed_fetch_leaves_no_half_filled_folder_and_shows_what_maven_said(programs: pathlib.Path, tmp_path: pathlib.Path) -> None:
    install_all(programs, end="echo 'no such artefact: kafka'; exit 1")
    with pytest.raises(Refusal, match="no such artefact: kafka"):
        jars.server_jars("kafka", tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_each_server_has_a_folder_of_its_own(programs: pathlib.Path, tmp_path: pathlib.Path) -> None:
    install_all(programs)
    servers = sorted(folder.parent.name for folder in jars.SERVERS.glob("*/pom.xml"))
    assert {"kafka", "flink"} <= set(servers)
    assert len({jars.server_jars(server, tmp_path / "cache") for server in servers}) == len(servers)


def test_what_stands_beside_the_sources_of_a_server_stands_beside_its_classes(
    programs: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_all(programs)
    source = tmp_path / "servers" / "some" / "src" / "main"
    (source / "META-INF").mkdir(parents=True)
    (source.parents[1] / "pom.xml").touch()
    (source / "META-INF" / "services").write_text("some.Module")
    (source / "Module.java").touch()
    monkeypatch.setattr(jars, "SERVERS", tmp_path / "servers")
    made = jars.server_classes("some", tmp_path / "cache")
    assert (made / "main" / "META-INF" / "services").read_text() == "some.Module"
    assert not (made / "main" / "Module.java").exists()
    (source / "META-INF" / "services").write_text("another.Module")
    assert jars.server_classes("some", tmp_path / "cache") != made
