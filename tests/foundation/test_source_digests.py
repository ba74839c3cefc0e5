"""What a module does is read once, and again when its file has changed."""

import os
import pathlib

from foundation.source_digests import FILE, SourceDigests


def test_a_second_process_reads_no_module_that_is_the_same(tmp_path: pathlib.Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import os.path\n\n\ndef one():\n    return 1\n")
    first = SourceDigests(lambda: tmp_path / "cache").of(module)
    assert first.modules == ["os.path"]
    assert first.starts == [4]
    changed = (tmp_path / "cache" / FILE).stat().st_mtime_ns
    assert SourceDigests(lambda: tmp_path / "cache").of(module) == first
    assert (tmp_path / "cache" / FILE).stat().st_mtime_ns == changed


def test_a_module_that_was_written_again_is_read_again(tmp_path: pathlib.Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("x = 1\n")
    first = SourceDigests(lambda: tmp_path).of(module)
    module.write_text("x = 2\n")
    os.utime(module, ns=(first.modified_ns + 1, first.modified_ns + 1))
    assert SourceDigests(lambda: tmp_path).of(module).digest != first.digest


def test_a_file_that_cannot_be_read_costs_the_reading_of_modules_and_nothing_else(tmp_path: pathlib.Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("x = 1\n")
    (tmp_path / FILE).write_text("[1, 2")
    digest = SourceDigests(lambda: tmp_path).of(module).digest
    assert SourceDigests(lambda: tmp_path / "module.py" / "no folder").of(module).digest == digest
    assert SourceDigests(lambda: tmp_path).of(module).digest == digest
