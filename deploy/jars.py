"""Jars of the servers and of the score job, made by Maven once and kept in a cache below the project."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable

from features.refusal import Refusal

PROJECT = pathlib.Path(__file__).resolve().parents[1]
SERVERS = PROJECT / "deploy" / "servers"
JOB_SOURCES = PROJECT / "pipeline" / "java"
CACHE = PROJECT / "build" / "jars"
INSTALL = "apt-get install --yes openjdk-17-jdk-headless maven"


def server_jars(server: str, cache: pathlib.Path = CACHE) -> pathlib.Path:
    """The folder with all jars of `server` (a folder of deploy/servers); fetched at the first call, then free.

    Raises:
        Refusal: Java or Maven is missing, or the jars cannot be fetched.
    """
    pom = SERVERS / server / "pom.xml"
    folder = cache / f"{server}-{_digest([pom])}"
    if not folder.exists():
        _make(folder, pom, lambda made: ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={made}"])
    return folder


def job_jar(cache: pathlib.Path = CACHE) -> pathlib.Path:
    """The jar of the score job's Java operators, compiled anew when a source has changed.

    Raises:
        Refusal: Java or Maven is missing, or the sources do not compile.
    """
    pom = JOB_SOURCES / "pom.xml"
    sources = sorted((JOB_SOURCES / "src" / "main").rglob("*.java"))
    folder = cache / f"job-{_digest([pom, *sources])}"
    if not folder.exists():
        _make(folder, pom, lambda made: ["package", "-DskipTests", f"-Dweir.build={made}/target"], product="target/weir-flink.jar")
    return folder / "weir-flink.jar"


def require_java() -> None:
    """Passes where Java and Maven can be run.

    Raises:
        Refusal: one is missing; the remedy names the command that installs it.
    """
    missing = [name for name in ("java", "javac", "mvn") if shutil.which(name) is None]
    if missing:
        raise Refusal(
            "program missing", where="PATH", expected="Java 17 (java, javac) and Maven (mvn)", got=f"no {', '.join(missing)}", remedy=f"as root: {INSTALL}"
        )


def _make(folder: pathlib.Path, pom: pathlib.Path, goals: Callable[[pathlib.Path], list[str]], product: str = "") -> None:
    """Runs Maven into a folder beside `folder` and renames it at the end, so that a half-filled cache never counts."""
    require_java()
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = pathlib.Path(tempfile.mkdtemp(dir=folder.parent, prefix=folder.name + "-"))
    try:
        _run_maven(pom, goals(made))
        if product:
            (made / product).rename(made / pathlib.Path(product).name)
            shutil.rmtree(made / product.split("/")[0])
        try:
            os.rename(made, folder)
        except OSError:  # another process made the same jars first
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _run_maven(pom: pathlib.Path, arguments: list[str]) -> None:
    command = ["mvn", "-B", "-q", "-f", str(pom), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        tail = "\n".join((run.stdout + run.stderr).strip().splitlines()[-15:])
        print(tail)
        raise Refusal("Maven failed", where=str(pom), expected="jars", got=tail.splitlines()[0] if tail else "no output", remedy=" ".join(command))


def _digest(files: Iterable[pathlib.Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
