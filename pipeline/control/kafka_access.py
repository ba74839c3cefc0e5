"""Clients in Python and in Java take the broker's address and their credentials from here."""

import pathlib
from collections.abc import Mapping

from confluent_kafka import Consumer, Producer

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.topic_clients import TopicConsumer, TopicProducer
from pipeline.log.log_consumer import LogConsumer
from pipeline.log.log_folder import LOG_FOLDER, LOGS, TOPIC_PREFIX
from pipeline.log.log_producer import LogProducer

SECRET_FILE = ("secrets", "kafka")
"""This file below the system's folder holds the password that `weir up` made for its own broker."""

LOG_WAIT_SECONDS, BROKER_WAIT_SECONDS = 1.0, 0.2
Connection = dict[str, str]
"""The options of a client, by name."""


def short_topic(topic: str, prefix: str) -> str:
    """The name of `topic` without the prefix of this system's topics."""
    return topic.removeprefix(prefix)


def open_consumer(options: Mapping[str, object]) -> TopicConsumer:
    """Makes a consumer from `connection_of` and further options of librdkafka: of a broker, or of a log with the same methods."""
    return LogConsumer(dict(options)) if LOG_FOLDER in options else Consumer(dict(options))


def open_producer(options: Mapping[str, object]) -> TopicProducer:
    """Makes a producer from `connection_of` and further options of librdkafka: to a broker, or to a log with the same methods."""
    return LogProducer(dict(options)) if LOG_FOLDER in options else Producer(dict(options))


def wait_seconds_of(consumer: TopicConsumer) -> float:
    """How long who reads until it is told to stop may wait for a record: `wake` ends that at a log, and nothing does at a broker."""
    return LOG_WAIT_SECONDS if isinstance(consumer, LogConsumer) else BROKER_WAIT_SECONDS


def wake(consumer: TopicConsumer) -> None:
    """Has a `poll` or `consume` of another thread that waits for a record return, where that can be; a signal handler may call it."""
    if isinstance(consumer, LogConsumer):
        consumer.wake()


def connection_of(settings: Settings) -> Connection:
    """Gives the connection options of a client, for `open_consumer` and `open_producer`: of librdkafka, or those of a solo system's log.

    Raises:
        Refusal: the protocol needs a password, and its file cannot be read.
    """
    if settings.runtime == "solo":
        return {LOG_FOLDER: str(settings.path(*LOGS)), TOPIC_PREFIX: settings.topic_prefix}
    protocol = _protocol(settings)
    options = {"bootstrap.servers": settings.bootstrap}
    if protocol != "PLAINTEXT":
        options["security.protocol"] = protocol
    if protocol.startswith("SASL"):
        options |= {"sasl.mechanism": settings.kafka_sasl_mechanism}
        options |= {"sasl.username": settings.kafka_user, "sasl.password": _password(settings)}
    if protocol.endswith("SSL") and settings.kafka_ca_file:
        options["ssl.ca.location"] = settings.kafka_ca_file
    return options


def java_connection_of(settings: Settings, package: str = "org.apache.kafka") -> Connection:
    """Gives the connection options of a client in Java, without the broker's address.

    Args:
        package: Java package of Kafka's classes; a library may hold them under another one than their own.

    Raises:
        Refusal: the protocol needs a password, and its file cannot be read.
    """
    protocol = _protocol(settings)
    options = {} if protocol == "PLAINTEXT" else {"security.protocol": protocol}
    if protocol.startswith("SASL"):
        options |= {"sasl.mechanism": settings.kafka_sasl_mechanism, "sasl.jaas.config": _login(settings, package)}
    if protocol.endswith("SSL") and settings.kafka_ca_file:
        options |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": settings.kafka_ca_file}
    return options


def _login(settings: Settings, package: str) -> str:
    kind = "plain.Plain" if settings.kafka_sasl_mechanism == "PLAIN" else "scram.Scram"
    user, password = _quoted(settings.kafka_user), _quoted(_password(settings))
    return f"{package}.common.security.{kind}LoginModule required username={user} password={password};"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _protocol(settings: Settings) -> str:
    """The security protocol of the settings; if they name none, it is SASL if there is a password file, else PLAINTEXT."""
    if settings.kafka_security_protocol:
        return settings.kafka_security_protocol
    is_own = settings.bootstrap.startswith("127.0.0.1:") and _secret_file(settings).exists()
    return "SASL_PLAINTEXT" if is_own or settings.kafka_password_file else "PLAINTEXT"


def _secret_file(settings: Settings) -> pathlib.Path:
    return pathlib.Path(settings.kafka_password_file) if settings.kafka_password_file else settings.path(*SECRET_FILE)


def _password(settings: Settings) -> str:
    file = _secret_file(settings)
    try:
        return file.read_text().strip()
    except OSError as error:
        raise Refusal(
            "no password for Kafka",
            where=str(file),
            expected="a readable file that holds the password",
            got=str(error.strerror),
            remedy="`weir up` makes this file for its own broker; for another broker WEIR_KAFKA_PASSWORD_FILE names the file",
        ) from error
