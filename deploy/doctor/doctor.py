"""`weir doctor` checks what this machine lacks for Weir, and names the command that installs or corrects it."""

import functools
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import click

from deploy.doctor.archive_checks import archive_problem
from deploy.doctor.broker_checks import retention_problem
from deploy.doctor.database_checks import database_problem
from deploy.doctor.druid_checks import metrics_problem
from deploy.doctor.job_checks import job_problem
from deploy.doctor.log_checks import log_problem
from deploy.doctor.webhook_checks import webhook_problem
from deploy.machine.jars import CACHE, INSTALL, JOB_SOURCES, job_jar, require_java, server_classes, server_jars
from deploy.machine.ports import is_open
from deploy.machine.private_files import openness
from deploy.machine.system_settings import system_settings
from foundation.refusal import Refusal

DISK_BYTES_MIN = 4 << 30
MEMORY_BYTES_MIN = 4 << 30
SOLO_MEMORY_BYTES_MIN = 1 << 30


def run_checks(solo: bool = False) -> bool:
    """Prints one line for each check, with the remedy if it failed; gives whether all succeeded.

    Args:
        solo: leave out what a solo system does not need, as is done in the folder of one.
    """
    solo = solo or system_settings().runtime == "solo"
    failed = False
    for name, check in (_SOLO_CHECKS if solo else _CHECKS).items():
        problem = check()
        failed = failed or bool(problem)
        click.echo(f"{'lacks' if problem else 'ok   '}  {name}{': ' + problem if problem else ''}")
    return not failed


def fetch_jars() -> None:
    """Fetches and compiles every jar that the local stack needs; returns at once if all are there."""
    require_java()
    if not CACHE.exists():
        click.echo("Maven fetches the jars; the first time this takes a minute")
    for server in ("kafka", "flink", "cassandra", "druid", "hdfs", "hadoop-client"):
        server_jars(server)
    server_classes("druid")
    job_jar()


def run_java_tests() -> None:
    """Runs the tests of the score job's Java operators and prints their last line; it takes half a minute.

    Raises:
        Refusal: Java or Maven is missing, or a test fails.
    """
    require_java()
    command = ["mvn", "-B", "-ntp", "-f", str(JOB_SOURCES / "pom.xml"), "test"]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    closing = re.findall(r"^(?:\[\w+\] )?(Tests run: \d+, Failures: \d+, Errors: \d+, Skipped: \d+)\s*$", run.stdout, re.MULTILINE)
    if run.returncode or not closing:
        click.echo(run.stdout)
    click.echo(closing[-1] if closing else "no Java test was run")
    if run.returncode or not closing:
        got, remedy = "failures, which are printed above", f"the command was: {' '.join(command)}"
        raise Refusal("the Java tests failed", where=str(JOB_SOURCES), expected="tests that all pass", got=got, remedy=remedy)


def _python() -> str:
    version = sys.version.split()[0]
    return "" if sys.version_info[:2] == (3, 11) else f"Python 3.11 is needed, and this is {version}; run: uv sync --python 3.11"


def _java() -> str:
    if shutil.which("java") is None:
        return f"there is no java on PATH; run as root: {INSTALL}; `weir serve` needs none"
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    if found and int(found[1]) in (17, 21):
        return ""
    return f"Java 17 is needed, and this is {said.splitlines()[0] if said else 'unknown'}; run as root: {INSTALL}"


def _maven() -> str:
    return "" if shutil.which("mvn") else f"there is no mvn on PATH; run as root: {INSTALL}"


def _localhost() -> str:
    try:
        socket.getaddrinfo("localhost", None)
    except OSError as error:
        return f"localhost has no address ({error}); add `127.0.0.1 localhost` to /etc/hosts"
    return ""


def _memory(needed: int = MEMORY_BYTES_MIN) -> str:
    found = re.search(r"MemAvailable:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    free = int(found[1]) << 10 if found else needed
    remedy = f"and the local stack needs about {needed >> 20} MB; stop other programs"
    return "" if free >= needed else f"{free >> 20} MB of memory are free, {remedy}"


def _disk() -> str:
    folder = system_settings().path()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        return f"{folder} cannot be written to by this user, or its disk is read-only; choose another folder with WEIR_FOLDER"
    needed = f"and at least {DISK_BYTES_MIN >> 20} MB are needed; delete files, or choose another disk with WEIR_FOLDER"
    return "" if free >= DISK_BYTES_MIN else f"{free >> 20} MB are free below {folder}, {needed}"


def _closed() -> str:
    folder = system_settings().path()
    mode = openness(folder)
    return f"other users may enter {folder} ({mode}) and read tokens and events; run: chmod 700 {folder}" if mode else ""


def _topics() -> str:
    settings = system_settings()
    port = int(settings.bootstrap.rpartition(":")[2])
    return retention_problem(settings) if is_open(port) else ""


def _archive() -> str:
    return archive_problem(system_settings())


def _database() -> str:
    return database_problem(system_settings())


def _jobs() -> str:
    return job_problem(system_settings(), int(time.time() * 1_000))


def _webhooks() -> str:
    return webhook_problem(system_settings(), int(time.time() * 1_000))


def _log() -> str:
    return log_problem(system_settings())


def _metrics() -> str:
    return metrics_problem(system_settings())


_CHECKS: dict[str, Callable[[], str]] = {
    "Python 3.11": _python,
    "Java 17": _java,
    "Maven": _maven,
    "address of localhost": _localhost,
    "folder closed to others": _closed,
    "memory": _memory,
    "disk": _disk,
    "topics of the running broker": _topics,
    "database of the running system": _database,
    "jobs of the running system": _jobs,
    "webhooks of the running system": _webhooks,
    "Druid of the running system": _metrics,
    "archive of the running system": _archive,
}
_SOLO_CHECKS = {name: check for name, check in _CHECKS.items() if name not in ("Java 17", "Maven", "topics of the running broker")} | {
    "memory": functools.partial(_memory, SOLO_MEMORY_BYTES_MIN),
    "log of the system": _log,
}
"""The checks of what a solo system needs."""
