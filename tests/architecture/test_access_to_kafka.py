"""How to reach the broker is known in one place: a client made elsewhere would lack the password that the stack's own broker asks for."""

import pathlib

PROJECT = pathlib.Path(__file__).resolve().parents[2]
KNOWING = {
    "pipeline/control/kafka_access.py": "the place",
    "deploy/servers/broker.py": "starts the broker, and tells it the password",
    "deploy/servers/druid_supervisor.py": "writes the same for Druid's own client",
}


def test_no_client_of_kafka_is_told_an_address_without_the_login_that_belongs_to_it() -> None:
    found = {
        str(file.relative_to(PROJECT))
        for package in ("api", "alerts", "stores", "pipeline", "deploy")
        for file in (PROJECT / package).rglob("*.py")
        if '"bootstrap.servers"' in file.read_text()
    }
    assert found == set(KNOWING)
