"""What another user of this machine tries, in a process of user 65534. For tests only."""

import encodings.idna  # noqa: F401 - found later only by who may read the interpreter's own files, and every address needs it
import multiprocessing
import os
import pathlib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from cassandra import ProtocolVersion
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, NoHostAvailable
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

NOBODY = 65_534
SECONDS_MAX = 120.0


def as_another_user(attack: Callable[..., Any], *arguments: object) -> str:
    """What `attack` gives as text, or the name of what it raises, run as `NOBODY` without groups and capabilities."""
    context = multiprocessing.get_context("spawn")  # a copy of this process would hold the locks of its threads
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(there, attack, arguments))
    process.start()
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


def ask_flink(scheme: str, port: int, path: str, method: str = "GET") -> int:
    """The status of an answer, by somebody who trusts any server and has no certificate of his own."""
    context = ssl._create_unverified_context()
    request = urllib.request.Request(f"{scheme}://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=10, context=context if scheme == "https" else None) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def open_to_others(folder: pathlib.Path) -> list[str]:
    """Names below `folder` that can be read, by who tries."""
    found = []
    for place, folders, files in os.walk(folder, onerror=lambda error: None):
        found += [os.path.join(place, name) for name in files + folders if os.access(os.path.join(place, name), os.R_OK)]
    return found


def environment_of(pid: int) -> bytes:
    return pathlib.Path(f"/proc/{pid}/environ").read_bytes()


def topics(login: dict[str, str]) -> str:
    return ", ".join(AdminClient({"log_level": 0, **login}).list_topics(timeout=5).topics)


def approve_all(login: dict[str, str], topic: str) -> int:
    """Records of a release of one's own that were not taken."""
    producer = Producer({"log_level": 0, "message.timeout.ms": 5_000, **login})
    producer.produce(topic, b'{"mode": "approve_all"}', b"bypass")
    refused: list[object] = []
    producer.produce(topic, b"{}", b"release:9", on_delivery=lambda error, message: refused.append(error))
    producer.flush(10)
    return len([error for error in refused if error is not None])


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
