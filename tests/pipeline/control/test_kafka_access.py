"""How a system shows the broker who it is."""

import pathlib

import pytest

from deploy.servers.druid_supervisor import LOGIN_VARIABLE, supervisor_spec
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.kafka_access import SECRET_FILE, connection_of, java_connection_of


def secret_of(folder: pathlib.Path, password: str) -> None:
    file = folder.joinpath(*SECRET_FILE)
    file.parent.mkdir()
    file.write_text(password + "\n")


def test_a_broker_of_this_machine_without_a_password_is_asked_in_the_clear(tmp_path: pathlib.Path) -> None:
    settings = Settings(folder=str(tmp_path), bootstrap="127.0.0.1:9092")
    assert connection_of(settings) == {"bootstrap.servers": "127.0.0.1:9092"}
    assert java_connection_of(settings) == {}


def test_the_password_that_the_stack_made_is_found_in_its_folder(tmp_path: pathlib.Path) -> None:
    secret_of(tmp_path, 'a"b\\c')
    settings = Settings(folder=str(tmp_path), bootstrap="127.0.0.1:9092")
    assert connection_of(settings) == {
        "bootstrap.servers": "127.0.0.1:9092",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "weir",
        "sasl.password": 'a"b\\c',
    }
    login = java_connection_of(settings, "moved.kafka")["sasl.jaas.config"]
    assert login == 'moved.kafka.common.security.scram.ScramLoginModule required username="weir" password="a\\"b\\\\c";'


def test_the_stacks_password_is_shown_to_no_broker_of_another_machine(tmp_path: pathlib.Path) -> None:
    secret_of(tmp_path, "secret")
    assert connection_of(Settings(folder=str(tmp_path), bootstrap="kafka.example:9092")) == {"bootstrap.servers": "kafka.example:9092"}


def test_a_given_broker_is_reached_as_the_settings_say(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret")
    settings = Settings(
        bootstrap="kafka.example:9093",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="PLAIN",
        kafka_user="fraud",
        kafka_password_file=str(file),
        kafka_ca_file="/ca.pem",
    )
    assert connection_of(settings) == {
        "bootstrap.servers": "kafka.example:9093",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "fraud",
        "sasl.password": "secret",
        "ssl.ca.location": "/ca.pem",
    }
    java = java_connection_of(settings)
    assert (java["ssl.truststore.type"], java["ssl.truststore.location"]) == ("PEM", "/ca.pem")
    assert java["sasl.jaas.config"].startswith("org.apache.kafka.common.security.plain.PlainLoginModule required username=")


def test_a_password_that_is_not_there_is_refused_by_the_name_of_its_file(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Refusal, match="no password for Kafka"):
        connection_of(Settings(kafka_password_file=str(tmp_path / "none")))


def test_druid_is_told_where_its_password_is_and_never_the_password(tmp_path: pathlib.Path) -> None:
    """Whoever may ask Druid may read its supervisors."""
    secret_of(tmp_path, "secret-of-the-broker")
    settings = Settings(folder=str(tmp_path), bootstrap="127.0.0.1:9092")
    spec = supervisor_spec(settings.bootstrap, "metrics", java_connection_of(settings))
    assert "secret-of-the-broker" not in str(spec)
    reading = spec["spec"]["ioConfig"]["consumerProperties"]
    assert reading["druid.dynamic.config.provider"]["variables"] == {"sasl.jaas.config": LOGIN_VARIABLE}
