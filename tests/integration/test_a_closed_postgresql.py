"""The PostgreSQL of the local stack lets nobody in but who has the password, and its clients tell it to nobody."""

import os
import pathlib
import socket
import stat
import threading
from collections.abc import Iterator

import psycopg
import pytest
from another_user import as_another_user, content_of, log_in_to_postgresql, open_to_others
from listening import is_of_this_machine_alone, listening

from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.postgresql import SECRET_FILE, URL_FILE, start_postgresql
from stores.audit import Fact
from stores.relational.audit import RelationalAudit
from stores.relational.database import Database
from stores.relational.place import PostgresqlPlace

pytestmark = [pytest.mark.postgresql, pytest.mark.integration]
LOGINS = [("weir", "", "weir"), ("weir", "weir", "weir"), ("postgres", "postgres", "postgres"), ("nobody", "", "postgres")]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[pathlib.Path, int, Process]]:
    """Folder, port and process of a server."""
    folder = tmp_path_factory.mktemp("closed")
    [port] = free_ports(1)
    with Processes() as processes:
        yield folder, port, processes.add(start_postgresql(folder, folder / "logs", port))


def url_of(folder: pathlib.Path) -> str:
    return folder.joinpath(*URL_FILE).read_text().strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_gets_in_with_no_guess_and_reads_no_file(system: tuple[pathlib.Path, int, Process]) -> None:
    folder, port, _ = system
    assert as_another_user(log_in_to_postgresql, port, LOGINS) == "[]"
    with psycopg.connect(url_of(folder)) as connection:
        password = connection.info.password
    assert as_another_user(log_in_to_postgresql, port, [("weir", password, "weir")]) == "['weir']"  # else the refusals would say nothing
    for name in (SECRET_FILE, URL_FILE):
        assert as_another_user(content_of, folder.joinpath(*name)).startswith("PermissionError")
    assert as_another_user(open_to_others, folder / "postgresql") == "[]"


def test_its_files_are_its_owners_alone_whoever_may_enter_the_folder(system: tuple[pathlib.Path, int, Process]) -> None:
    folder, _, _ = system
    for part in ("secrets/postgresql", "postgresql/url", "postgresql/data", "postgresql/data/base", "postgresql/data/postgresql.conf"):
        found = (folder / part).stat()
        assert (stat.S_IMODE(found.st_mode) & 0o077, found.st_uid) == (0, os.geteuid()), part


def test_it_listens_on_this_machine_alone_and_its_password_is_on_no_command_line_or_log(
    system: tuple[pathlib.Path, int, Process],
) -> None:
    folder, port, process = system
    places = listening([process.pid])
    assert [place.port for place in places] == [port]
    assert all(is_of_this_machine_alone(place) for place in places)
    password = folder.joinpath(*SECRET_FILE).read_text().strip()
    assert password not in " ".join(process.command)
    assert password not in process.log.read_text()


def test_no_password_is_told_to_one_that_listens_in_its_place(system: tuple[pathlib.Path, int, Process]) -> None:
    folder, port, _ = system
    password = folder.joinpath(*SECRET_FILE).read_text().strip()
    heard: list[bytes] = []

    def listen(server: socket.socket) -> None:
        peer, _ = server.accept()
        with peer:
            peer.settimeout(10)
            heard.append(peer.recv(4_096))
            if b"\x04\xd2\x16/" in heard[-1]:  # the wish to speak TLS
                peer.sendall(b"N")
                heard.append(peer.recv(4_096))
            peer.sendall(b"R" + (8).to_bytes(4) + (3).to_bytes(4))  # tell me your password in the clear
            heard.append(peer.recv(4_096))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=listen, args=(server,))
        thread.start()
        with pytest.raises(psycopg.OperationalError, match="authentication method"):
            psycopg.connect(url_of(folder).replace(f":{port}/", f":{server.getsockname()[1]}/"), connect_timeout=10)
        thread.join(20)
    assert len(heard) >= 2
    assert password.encode() not in b"".join(heard)


def test_what_was_written_outlives_a_kill_and_another_port(tmp_path: pathlib.Path) -> None:
    first, second = free_ports(2)
    with Processes() as processes:
        process = processes.add(start_postgresql(tmp_path, tmp_path / "logs", first))
        database = Database(PostgresqlPlace(url_of(tmp_path)))
        entry = RelationalAudit(database).append(Fact(1, "ann", ("admin",), "PUT /v1/policy", "intent"))
        process.kill()
        processes.forget(process)
        database.close()
        processes.add(start_postgresql(tmp_path, tmp_path / "logs", second))
        again = Database(PostgresqlPlace(url_of(tmp_path)))
        assert list(RelationalAudit(again).walk()) == [entry]
        again.close()


def test_a_password_that_was_deleted_is_replaced_and_the_old_one_counts_no_more(tmp_path: pathlib.Path) -> None:
    [port] = free_ports(1)
    for _ in range(2):
        with Processes() as processes:
            processes.add(start_postgresql(tmp_path, tmp_path / "logs", port))
        old = url_of(tmp_path)
        tmp_path.joinpath(*SECRET_FILE).unlink()
    with Processes() as processes:
        processes.add(start_postgresql(tmp_path, tmp_path / "logs", port))
        psycopg.connect(url_of(tmp_path)).close()
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            psycopg.connect(old)
