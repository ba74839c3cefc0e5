"""`weir patterns explain` over a file of events says what an analyst needs to know."""

import json
import pathlib

from click.testing import CliRunner

from deploy.command import DEMO_CONFIG, main


def test_a_rule_of_the_sample_is_explained_over_a_file_of_events(tmp_path: pathlib.Path) -> None:
    common = {"customer_id": "c", "terminal_id": "t", "device_id": "d", "currency": "EUR", "merchant_category": "books"}
    events = [common | {"payment_id": id, "at": 1_700_000_000_000 + id * 1_000, "amount": 10.0} for id in range(1, 4)]
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(map(json.dumps, events)))
    rule = min(DEMO_CONFIG.glob("patterns/*.yaml")).stem
    arguments = ["patterns", "explain", rule, "3", "--config", str(DEMO_CONFIG), "--events", str(file)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{rule} ")
    assert "event 3 of c" in result.output
    assert "   with " in result.output


def test_explain_says_which_options_go_together(tmp_path: pathlib.Path) -> None:
    result = CliRunner().invoke(main, ["patterns", "explain", "a", "1", "--config", str(tmp_path)])
    assert result.exit_code == 2
    assert "--events and --config together" in result.output
