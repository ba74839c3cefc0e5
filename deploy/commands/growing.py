"""`weir redrive --from-log` carries the log of a solo system into Kafka, before `weir up` starts the score job there for the first time."""

import contextlib
import pathlib
from collections.abc import Iterator

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.machine.ports import free_ports, is_open
from deploy.machine.private_files import make_private_folder, secret_in
from deploy.servers.broker import start_broker
from deploy.servers.topics import make_topics
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.kafka_access import SECRET_FILE, connection_of
from pipeline.replay.carried_log import carry_log, report

ANSWER_SECONDS = 5.0


def carry_into_kafka(settings: Settings, folder: pathlib.Path, dry_run: bool) -> str:
    """Carries the log of `folder` into the topics of `settings`, which are made where they are missing; gives what was done, in words.

    Where no broker answers at an address of this machine, the one of `weir up` is started with its data in the folder of `settings`, and
    stopped again.

    Raises:
        Refusal: see `carry_log`; or `settings` are those of a solo system, or the broker does not come up.
        KafkaException: the broker did not acknowledge all records; the call may be repeated.
    """
    if settings.runtime == "solo":
        expected = "the settings of the system that is to begin with this history, which has a broker"
        raise Refusal(
            "no broker",
            where="WEIR_RUNTIME",
            expected=expected,
            got="solo",
            remedy="name the folder of the new system with WEIR_FOLDER, and leave WEIR_RUNTIME out",
        )
    with _broker(settings):
        make_topics(settings)
        return report(carry_log(settings, folder, dry_run), dry_run)


@contextlib.contextmanager
def _broker(settings: Settings) -> Iterator[None]:
    """Has a broker run for as long as the block."""
    host, _, port = settings.bootstrap.rpartition(":")
    if host not in ("127.0.0.1", "localhost") or _answers(settings):
        yield
        return
    make_private_folder(settings.path())
    secret = settings.path(*SECRET_FILE)
    secret_in(secret)
    [controller_port] = free_ports(1)
    broker = start_broker(settings.path("kafka"), settings.path("logs"), int(port), controller_port, secret)
    try:
        yield
    finally:
        broker.stop()


def _answers(settings: Settings) -> bool:
    if not is_open(int(settings.bootstrap.rpartition(":")[2])):  # a client would try for `ANSWER_SECONDS`
        return False
    try:
        return bool(AdminClient({**connection_of(settings), "log_level": "0"}).list_topics(timeout=ANSWER_SECONDS).brokers)
    except KafkaException:
        return False
