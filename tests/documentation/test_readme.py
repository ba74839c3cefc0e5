import pathlib
import re
import struct

import msgspec
import pyarrow.parquet
import pytest
from beside import make_importable
from click.testing import CliRunner

from deploy.command import main
from deploy.demo.payments import Town
from pipeline.engine.definitions.part_names import PARTS
from pipeline.engine.definitions.release import compile_release

make_importable(__file__, "console_pictures")

from console_pictures import BYTES_MAX, FOLDER, HEIGHT, PICTURES, WIDTH  # noqa: E402 - it stands beside this file

PROJECT = pathlib.Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text()


def yaml_examples() -> dict[str, str]:
    blocks = re.findall(r"```yaml\n# (\w+)\.yaml\n(.*?)```", README, re.DOTALL)
    return dict(blocks)


def rules_of_the_readme() -> dict[str, str]:
    return dict(re.findall(r"```yaml\n# patterns/(\w+)\.yaml\n(.*?)```", README, re.DOTALL))


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """The configuration of the README with its rules."""
    made = tmp_path / "configuration"
    (made / "patterns").mkdir(parents=True)
    for part, text in yaml_examples().items():
        (made / f"{part}.yaml").write_text(text)
    for id, text in rules_of_the_readme().items():
        (made / "patterns" / f"{id}.yaml").write_text(text)
    return made


@pytest.mark.slow
def test_the_rules_of_the_readme_match_what_their_titles_say(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    checked = CliRunner().invoke(main, ["check", str(folder)])
    assert checked.exit_code == 0, checked.output
    amounts = [1.0, 1.5, 1.0, 90.0, *[20.0] * 40, 900.0]
    start_ms = 1_700_000_000_000
    events = [
        {"transaction_id": id, "ts": start_ms + 60_000 * id, "customer_id": "c1", "terminal_id": "t1", "amount": amount}
        for id, amount in enumerate(amounts, start=1)
    ]
    (tmp_path / "events.jsonl").write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    command = ["replay", str(tmp_path / "events.jsonl"), "--config", str(folder), "--out", str(tmp_path / "out")]
    replayed = CliRunner().invoke(main, command)
    assert replayed.exit_code == 0, replayed.output
    decisions = pyarrow.parquet.read_table(tmp_path / "out" / "decisions.parquet").to_pylist()
    matched = {row["event_id"]: row["matches"] for row in decisions if row["matches"]}
    assert matched == {"4": ["card_testing"], str(len(amounts)): ["spending_spree"]}
    assert decisions[-1]["action"] == "block"


def test_the_configuration_of_the_readme_compiles() -> None:
    examples = yaml_examples()
    assert set(examples) == set(PARTS)
    release = compile_release(1, examples)
    assert {"spent_24h", "spent_ratio", "at_this_terminal_today"} <= set(release.features.names)


@pytest.mark.parametrize("command", re.findall(r"`weir (\w+)", README))
def test_every_command_of_the_readme_exists(command: str) -> None:
    assert command in main.commands


@pytest.mark.parametrize("path", re.findall(r"\]\((\w+\.md)", README) + re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE))
def test_every_file_that_the_readme_names_is_there(path: str) -> None:
    assert (PROJECT / path).exists()


@pytest.mark.parametrize("target", re.findall(r"^\$ make (\w+)", README, re.MULTILINE))
def test_every_make_target_of_the_readme_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (PROJECT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.slow
def test_the_export_of_recorded_events_runs_as_the_readme_says(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = re.findall(r"^\$ weir (export --replayed .*)", README, re.MULTILINE)
    payments = [msgspec.json.decode(each.encode()) for each in Town(1, customers=50).history(1_700_000_000_000, 20, 500, 1)]
    lines = [msgspec.json.encode(payment | {"fraud": int(payment["payment_id"] % 10 == 0)}) + b"\n" for payment in payments]
    (tmp_path / "events.jsonl").write_bytes(b"".join(lines))
    (tmp_path / "deploy").symlink_to(PROJECT / "deploy")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, command.split())
    assert result.exit_code == 0, result.output
    table = pyarrow.parquet.read_table("training.parquet")
    assert table["event_id"].to_pylist() == [str(payment["payment_id"]) for payment in payments]
    assert sum(table["label"].to_pylist()) == 50


def test_the_pictures_of_the_console_are_those_that_its_program_takes_all_of_one_size_and_small() -> None:
    shown = re.findall(r"\(docs/images/(console-[^)]+)\)", README)
    assert sorted(shown) == sorted(picture.file.name for picture in PICTURES)
    for picture in PICTURES:
        content = picture.file.read_bytes()
        assert struct.unpack(">II", content[16:24]) == (WIDTH, HEIGHT), picture.name
        assert len(content) < BYTES_MAX, picture.name
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(shown), "a picture that nothing shows"
