"""The jars of the servers and of the score job: Maven makes them once, and they are cached below the project."""

import hashlib
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable

from foundation.refusal import Refusal

PROJECT = pathlib.Path(__file__).resolve().parents[2]
SERVERS = PROJECT / "deploy" / "servers"
JOB_SOURCES = PROJECT / "pipeline" / "java"
JOB_JAR = "weir-flink.jar"
CACHE = PROJECT / "build" / "jars"
INSTALL = "apt-get install --yes openjdk-17-jdk-headless maven"


def server_jars(server: str, cache: pathlib.Path = CACHE) -> pathlib.Path:
    """The folder with all jars of `server` (a folder of deploy/servers); the first call fetches them, further calls cost nothing.

    Raises:
        Refusal: Java or Maven is missing, or the jars cannot be fetched.
    """
    pom = SERVERS / server / "pom.xml"
    folder = cache / f"{server}-{_digest([pom])}"
    if not folder.exists():
        _make(folder, lambda made: _run_maven(pom, "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={made}"))
    return folder


def job_jar(cache: pathlib.Path = CACHE) -> pathlib.Path:
    """The jar of the score job's Java operators; it is compiled again when a source has changed.

    Raises:
        Refusal: Java or Maven is missing, or the sources do not compile.
    """
    pom = JOB_SOURCES / "pom.xml"
    sources = sorted((JOB_SOURCES / "src" / "main").rglob("*.java"))
    folder = cache / f"job-{_digest([pom, *sources])}"
    if not folder.exists():
        _make(folder, _compile_job)
    return folder / JOB_JAR


def server_classes(server: str, cache: pathlib.Path = CACHE) -> pathlib.Path:
    """The folder with the compiled sources of `server` and their other files; it has a folder for each one in its ``src``.

    They are compiled again when one of these files has changed.

    Raises:
        Refusal: Java or Maven is missing, the jars cannot be fetched, or the sources do not compile.
    """
    sources = SERVERS / server / "src"
    jars = server_jars(server, cache)
    folder = cache / f"{server}-classes-{_digest([SERVERS / server / 'pom.xml', *_files(sources)])}"
    if not folder.exists():
        _make(folder, lambda made: _compile(sources, jars, made))
    return folder


def require_java() -> None:
    """Checks that Java and Maven can be run.

    Raises:
        Refusal: one of them is missing; the remedy names the command that installs it.
    """
    missing = [name for name in ("java", "javac", "mvn") if shutil.which(name) is None]
    if missing:
        raise Refusal(
            "program missing",
            where="PATH",
            expected="Java 17 (java, javac) and Maven (mvn)",
            got=f"no {', '.join(missing)}",
            remedy=f"run as root: {INSTALL}",
        )


def _make(folder: pathlib.Path, fill: Callable[[pathlib.Path], None]) -> None:
    """Fills a temporary folder and renames it to `folder` at the end, so that an incomplete folder is never used."""
    require_java()
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = pathlib.Path(tempfile.mkdtemp(dir=folder.parent, prefix=folder.name + "-"))
    try:
        fill(made)
        try:
            made.rename(folder)
        except OSError:  # another process made the same jars first
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _compile_job(made: pathlib.Path) -> None:
    """Compiles a copy of the sources, because two builds at the same time must not share a target folder."""
    copy = made / "build"
    shutil.copytree(JOB_SOURCES, copy, ignore=shutil.ignore_patterns("target"))
    _run_maven(copy / "pom.xml", "package", "-Dmaven.test.skip=true")
    (copy / "target" / JOB_JAR).rename(made / JOB_JAR)
    shutil.rmtree(copy)


def _compile(sources: pathlib.Path, jars: pathlib.Path, made: pathlib.Path) -> None:
    for part in sorted(sources.iterdir()):
        files = map(str, sorted(part.rglob("*.java")))
        shutil.copytree(part, made / part.name, ignore=shutil.ignore_patterns("*.java"))
        _run(["javac", "-cp", f"{jars}/*", "-d", str(made / part.name), *files], "javac", str(part))


def _files(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _run_maven(pom: pathlib.Path, *arguments: str) -> None:
    _run(["mvn", "-B", "-q", "-f", str(pom), *arguments], "Maven", str(pom))


def _run(command: list[str], program: str, where: str) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        lines = (run.stdout + run.stderr).strip().splitlines() or ["no output"]
        remedy = f"the command was: {' '.join(command)}\nthe last lines of its output:\n" + "\n".join(lines[-15:])
        raise Refusal(f"{program} failed", where=where, expected="exit status 0", got=lines[0], remedy=remedy)


def _digest(files: Iterable[pathlib.Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
