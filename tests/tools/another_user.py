"""What another user of this machine tries, in a process of user 65534. For tests only."""

import concurrent.futures
import contextlib
import encodings.idna  # noqa: F401 - found later only by who may read the interpreter's own files, and every address needs it
import multiprocessing
import os
import pathlib
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import IO, Any

import psycopg
from cassandra import ProtocolVersion
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, NoHostAvailable
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from hdfs_native import Client
from refusals import REFUSALS

NOBODY = 65_534
SECONDS_MAX = 400.0
SILENCE_SECONDS = 3.0
HDFS_SECONDS = 10.0
_ALERT = b"\x15\x03"
_JAR = b"\0" + b"\0" + (5).to_bytes(4, "big") + b"stuff" + b"\xff\xff\xff\xff"
"""Something to keep and to load, as Flink's processes send jars to each other."""
OPENINGS = (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"stat\n", _JAR)
"""What servers of many kinds answer."""


def as_another_user(attack: Callable[..., Any], *arguments: object) -> str:
    """What `attack` gives as text, or the name of what it raises, run as `NOBODY` without groups and capabilities."""
    context = multiprocessing.get_context("spawn")  # a copy of this process would hold the locks of its threads
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(there, attack, arguments))
    process.start()
    there.close()  # else nobody would hear that the other process ended without a word
    try:
        assert here.poll(SECONDS_MAX), f"{attack.__name__} does not end"
        return str(here.recv())
    finally:
        process.kill()
        process.join()


def _run(answer: Any, attack: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    try:
        said = attack(*arguments)
    except BaseException as error:  # whatever it is, it is what the attacker got
        said = f"{type(error).__name__}: {error}"
    answer.send(said)


def ask(scheme: str, port: int, path: str, method: str = "GET", body: bytes | None = None) -> int:
    """The status of an answer, by somebody who trusts any server and has no certificate of his own."""
    context = ssl._create_unverified_context()
    request = urllib.request.Request(f"{scheme}://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10, context=context if scheme == "https" else None) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def answered_asks(ports: Sequence[int], asks: Sequence[tuple[str, str, bytes | None]], but: Sequence[str] = ()) -> list[str]:
    """Each ask, of a method, a path and a body, at each port in the clear and by TLS, that was not refused in one of the words of `but`."""
    found = []
    for port in ports:
        for method, path, body in asks:
            for scheme in ("http", "https"):
                try:
                    said = str(ask(scheme, port, path, method, body))
                except Exception as error:  # whatever it is, it is what the attacker got
                    said = f"{type(error).__name__}: {error}"
                if not said.startswith((*REFUSALS, *but)):
                    found.append(f"{method} {scheme}://127.0.0.1:{port}{path}: {said}")
    return found


def answers_to(openings: Sequence[bytes], ports: Sequence[int]) -> list[tuple[int, bytes, bytes]]:
    """Port, opening and answer wherever something comes back, in the clear or by TLS without a certificate; an alert of TLS is none."""
    found = []
    for port in ports:
        for opening in openings:
            for tls in (False, True):
                with contextlib.suppress(OSError):
                    answer = _answer_to(opening, port, tls)
                    if answer and answer[:2] != _ALERT:
                        found.append((port, opening, answer))
    return found


def _answer_to(opening: bytes, port: int, tls: bool) -> bytes:
    with socket.create_connection(("127.0.0.1", port), SILENCE_SECONDS) as peer:
        connection = ssl._create_unverified_context().wrap_socket(peer) if tls else peer
        connection.sendall(opening)
        return connection.recv(65_536)


def open_to_others(folder: pathlib.Path) -> list[str]:
    """Names below `folder` that can be read, by who tries."""
    found = []
    for place, folders, files in os.walk(folder, onerror=lambda error: None):
        found += [os.path.join(place, name) for name in files + folders if os.access(os.path.join(place, name), os.R_OK)]
    return found


def log_in_to_postgresql(port: int, logins: Sequence[tuple[str, str, str]]) -> list[str]:
    """Who of `logins` (user, password, database) gets in."""
    found = []
    for user, password, database in logins:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(host="127.0.0.1", port=port, user=user, password=password, dbname=database, connect_timeout=5).close()
            found.append(user)
    return found


def environment_of(pid: int) -> bytes:
    return pathlib.Path(f"/proc/{pid}/environ").read_bytes()


def topics(logins: list[dict[str, str]]) -> str:
    """What each of `logins` is shown, a line each; tried at once, since each waits for its own refusal."""
    return "\n".join(_at_once(_topics, logins))


def approve_all(logins: list[dict[str, str]], topic: str) -> str:
    """What each of `logins` makes of records of a release of its own, a line each: how many were not taken."""
    return "\n".join(_at_once(lambda login: _approve_all(login, topic), logins))


def _at_once(attack: Callable[[dict[str, str]], str], logins: list[dict[str, str]]) -> list[str]:
    with concurrent.futures.ThreadPoolExecutor(len(logins)) as threads:
        return list(threads.map(attack, logins))


def _topics(login: dict[str, str]) -> str:
    try:
        return ", ".join(AdminClient({"log_level": 0, **login}).list_topics(timeout=5).topics)
    except KafkaException as error:
        return f"KafkaException: {error!r}"


def _approve_all(login: dict[str, str], topic: str) -> str:
    producer = Producer({"log_level": 0, "message.timeout.ms": 5_000, **login})
    producer.produce(topic, b'{"mode": "approve_all"}', b"bypass")
    refused: list[object] = []
    producer.produce(topic, b"{}", b"release:9", on_delivery=lambda error, message: refused.append(error))
    producer.flush(10)
    return str(len([error for error in refused if error is not None]))


def content_of(file: pathlib.Path) -> str:
    return file.read_text()


def log_in_to_cassandra(port: int, user: str, password: str) -> str:
    """Both in the clear and by TLS without a certificate."""
    context = ssl._create_unverified_context()
    login = PlainTextAuthProvider(user, password) if user else None
    for tls in (None, context):
        cluster = Cluster(["127.0.0.1"], port=port, auth_provider=login, ssl_context=tls, protocol_version=ProtocolVersion.V5)
        try:
            cluster.connect().execute("SELECT release_version FROM system.local")
            return "logged in"
        except NoHostAvailable as error:
            refused = error
        finally:
            cluster.shutdown()
    raise refused


def use_hdfs(url: str, names: Sequence[str], path: str) -> list[str]:
    """What could be done to `path`, by somebody who says to have each of these names; his own is ''.

    Each name has a process, since a process has but one. The client waits without end where it is refused a connection, so each has
    `HDFS_SECONDS` for all.
    """
    answers = [_begun(name, url, path) for name in names]
    return [done for answer in answers for done in answer.read().splitlines()]


def _begun(name: str, url: str, path: str) -> IO[str]:
    """What a copy of this process says, a line for each thing done. A new process could not read its modules as another user."""
    here, there = os.pipe()
    if os.fork():
        os.close(there)
        return os.fdopen(here)
    try:
        said = _use_as(name, url, path)
    except BaseException as error:  # it must not look as if nothing could be done
        said = [repr(error)]
    os.write(there, "".join(f"{line}\n" for line in said).encode())
    os._exit(0)


def _use_as(name: str, url: str, path: str) -> list[str]:
    os.environ.pop("HADOOP_USER_NAME", None)
    if name:
        os.environ["HADOOP_USER_NAME"] = name
    done: list[str] = []
    threads = [threading.Thread(target=_use, args=(url, path, name, way, done), daemon=True) for way in HDFS_WAYS]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + HDFS_SECONDS
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    return done


HDFS_WAYS: dict[str, Callable[[Client, str], object]] = {
    "list": lambda hdfs, path: list(hdfs.list_status("/", True)),
    "stat": lambda hdfs, path: hdfs.get_file_info("/"),
    "read": lambda hdfs, path: bytes(hdfs.read(path).read()),
    "write": lambda hdfs, path: hdfs.create("/mine").close(),
    "make": lambda hdfs, path: hdfs.mkdirs("/mine-too"),
    "delete": lambda hdfs, path: hdfs.delete(path),
    "rename": lambda hdfs, path: hdfs.rename(path, "/elsewhere"),
    "open to all": lambda hdfs, path: hdfs.set_permission("/", 0o777),
    "take over": lambda hdfs, path: hdfs.set_owner("/", "nobody"),
}


def _use(url: str, path: str, name: str, way: str, done: list[str]) -> None:
    with contextlib.suppress(Exception):
        done.append(f"{name} {way}: {HDFS_WAYS[way](Client(url), path)}")
