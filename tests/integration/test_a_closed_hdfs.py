"""Another user of the machine reads nothing from the HDFS of the local stack and changes nothing in it."""

import os
import pathlib
import re
import socket
import struct
from collections.abc import Iterator

import pytest
from another_user import answered_asks, as_another_user, use_hdfs
from hdfs_native import Client
from killable_hdfs import USER, KillableHdfs
from listening import is_of_this_machine_alone, listening

from deploy.machine.certificate import make_certificate
from deploy.servers.hdfs_security import USER_VARIABLE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

PATH = "/weir/archive/events.parquet"
CONTENT = b"what was paid"
NAMES = ("", "root", "hdfs", "weir", "dr.who", "a-guess")
PAGES = (
    "/",
    "/jmx",
    "/conf",
    "/stacks",
    "/logs/",
    "/fsck?ugi=root&path=/",
    "/imagetransfer?getimage=1&txid=latest",
    f"/webhdfs/v1{PATH}?op=OPEN&user.name=root",
    "/webhdfs/v1/?op=LISTSTATUS&user.name=root",
    "/logLevel?log=org.apache.hadoop&level=DEBUG",
)
FORBIDDEN = ("403", "404", "405")


@pytest.fixture(scope="module")
def closed(killable_hdfs: KillableHdfs) -> Iterator[KillableHdfs]:
    """With a file in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(USER_VARIABLE, USER)
        file = Client(killable_hdfs.hdfs.url).create(PATH)
        file.write(CONTENT)
        file.close()
        yield killable_hdfs


def ports(closed: KillableHdfs, *names: str) -> list[int]:
    """On which these servers listen."""
    return sorted(place.port for place in listening([closed.by_name[name].pid for name in names]))


def files(closed: KillableHdfs) -> list[str]:
    return sorted(status.path for status in Client(closed.hdfs.url).list_status("/", True) if not status.isdir)


def test_hdfs_listens_on_this_machine_alone(closed: KillableHdfs) -> None:
    places = listening([node.pid for node in closed.by_name.values()])
    assert [place for place in places if not is_of_this_machine_alone(place)] == []


def test_no_name_but_the_secret_one_is_let_in(closed: KillableHdfs) -> None:
    before = files(closed)
    assert as_another_user(use_hdfs, closed.hdfs.url, NAMES, PATH) == "[]"
    assert files(closed) == before
    assert bytes(Client(closed.hdfs.url).read(PATH).read()) == CONTENT


def test_who_knows_the_name_is_let_in(closed: KillableHdfs) -> None:
    """Otherwise the refusals would say nothing."""
    assert "stat" in as_another_user(use_hdfs, closed.hdfs.url, [USER], "/none")


def test_no_page_is_shown(closed: KillableHdfs) -> None:
    assert as_another_user(answered_asks, ports(closed, *closed.by_name), [("GET", page, None) for page in PAGES], FORBIDDEN) == "[]"


def test_a_block_is_not_given_out_without_a_token_of_the_name_node(closed: KillableHdfs) -> None:
    blocks = closed.folder.glob("data/current/BP-*/current/finalized/**/blk_*.meta")
    [meta] = [meta for meta in blocks if meta.with_name(meta.name.rpartition("_")[0]).read_bytes() == CONTENT]
    pool = next(part for part in meta.parts if part.startswith("BP-"))
    block, stamp = re.fullmatch(r"blk_([0-9]+)_([0-9]+)\.meta", meta.name).groups()  # type: ignore[union-attr]
    answers = as_another_user(read_block, ports(closed, "data-node"), pool, int(block), int(stamp))
    assert "refused" in answers
    assert CONTENT.decode() not in answers


def read_block(ports: list[int], pool: str, block: int, stamp: int) -> list[str]:
    """What each port answers to an order to read a block, without a token, in the words of HDFS' own protocol."""
    answers = []
    for port in ports:
        with socket.create_connection(("127.0.0.1", port), 5) as peer:
            peer.sendall(order_to_read(pool, block, stamp))
            peer.settimeout(5)
            try:
                answer = peer.recv(65_536)
            except OSError as error:
                answers.append(type(error).__name__)
            else:
                # The first field of an answer is its status; 5 is that the token is not accepted.
                answers.append("refused" if answer[1:3] == b"\x08\x05" else repr(answer))
    return answers


def order_to_read(pool: str, block: int, stamp: int) -> bytes:
    named = field(1, pool.encode()) + number(2, block) + number(3, stamp) + number(4, len(CONTENT))
    header = field(1, field(1, named)) + field(2, b"stranger")
    order = field(1, header) + number(2, 0) + number(3, len(CONTENT))
    return struct.pack(">hB", 28, 81) + varint(len(order)) + order


def field(at: int, value: bytes) -> bytes:
    return varint(at << 3 | 2) + varint(len(value)) + value


def number(at: int, value: int) -> bytes:
    return varint(at << 3) + varint(value)


def varint(value: int) -> bytes:
    low, high = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(high) if high else bytes([low])


def test_its_secrets_stand_in_no_log_and_in_no_command_line(closed: KillableHdfs) -> None:
    secrets = (USER, make_certificate(closed.folder / "keys").password)
    for node in closed.by_name.values():
        said = node.log.read_text() + pathlib.Path(f"/proc/{node.pid}/cmdline").read_text()
        assert [secret for secret in secrets if secret in said] == []


def test_what_it_keeps_is_its_owners_alone(closed: KillableHdfs) -> None:
    assert closed.folder.stat().st_mode & 0o077 == 0
    for file in (closed.folder / "conf").rglob("*-site.xml"):
        assert file.stat().st_mode & 0o077 == 0, file
