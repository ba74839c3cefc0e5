"""`weir redrive --from-log` has the broker of `weir up` run for as long as it writes, where none answers."""

import pathlib

from click.testing import CliRunner

from deploy.command import main
from deploy.machine.ports import free_ports
from foundation.settings import Settings
from pipeline.log.frame import Entry
from pipeline.log.log_folder import INPUT, LOGS, close_writers, writer_of


def run(environment: dict[str, str], *options: str) -> str:
    result = CliRunner().invoke(main, ["redrive", *options], env=environment, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_log_is_written_once_into_the_broker_of_another_folder(tmp_path: pathlib.Path) -> None:
    solo = Settings(runtime="solo", folder=str(tmp_path / "solo"))
    writer = writer_of(solo.path(*LOGS), INPUT)
    writer.append([Entry("facts", b"one", b"old"), Entry("facts", b"one", b"new"), *(Entry("events", b"u", b"{}") for _ in range(5))])
    [port] = free_ports(1)
    environment = {"WEIR_FOLDER": str(tmp_path / "grown"), "WEIR_BOOTSTRAP": f"127.0.0.1:{port}"}
    from_log = ("--from-log", str(tmp_path / "solo"))
    assert "6 records written, 0 were there already" in run(environment, *from_log)
    writer.append([Entry("events", b"u", b"{}"), Entry("facts", b"one", b"newest")])
    said = run(environment, *from_log)
    assert "2 records written, 5 were there already" in said
    close_writers(solo.path(*LOGS))


def test_a_topic_or_a_log_is_named_and_not_both(tmp_path: pathlib.Path) -> None:
    for options in ([], ["late", "--from-log", str(tmp_path)], ["--from-log", str(tmp_path), "--reason", "x"]):
        assert CliRunner().invoke(main, ["redrive", *options]).exit_code == 2
