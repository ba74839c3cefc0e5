"""All commands read the files of a configuration folder here, and so in the same way."""

import pathlib
from collections.abc import Mapping

from foundation.refusal import Refusal
from foundation.text_bytes import decode_text
from patterns.entries import Change, Entry
from patterns.lifecycle.manifest import PATTERN_PREFIX
from patterns.list_text import values_of_lists
from patterns.lists import LIST_PREFIX
from pipeline.engine.definitions.part_names import ALERTS, CASES, PARTS
from pipeline.engine.definitions.release import Release
from pipeline.trial.trial import try_release


def read_texts(folder: pathlib.Path) -> dict[str, str]:
    """Reads the texts of `folder` by part.

    These are the definitions, ``alerts.yaml`` and ``cases.yaml`` if they are there, and ``lists/*.txt`` and ``patterns/*.yaml`` under the
    names of the files.

    Raises:
        Refusal: a definition is missing, a file cannot be read or is not UTF-8, or a rule stands where it would not be read. It names the
            file, and for bytes that are not UTF-8 also line and column.
    """
    _refuse_unread(folder / "patterns")
    lists = {LIST_PREFIX + file.stem: _read(file) for file in sorted(folder.glob("lists/*.txt"))}
    rules = {PATTERN_PREFIX + file.stem: _read(file) for file in sorted(folder.glob("patterns/*.yaml"))}
    optional = {part: _read(folder / f"{part}.yaml") for part in (ALERTS, CASES) if (folder / f"{part}.yaml").exists()}
    return {part: _read(folder / f"{part}.yaml") for part in PARTS} | optional | lists | rules


def _refuse_unread(rules: pathlib.Path) -> None:
    """Refuses YAML files that stand beside the rules in a way that nothing reads them."""
    for file in sorted([*rules.rglob("*.yml"), *rules.glob("*/**/*.yaml")]):
        remedy = f"name it patterns/{file.stem}.yaml"
        raise Refusal("rule that is not read", where=str(file), expected="rules as patterns/<id>.yaml", got=file.name, remedy=remedy)


def compile_texts(texts: Mapping[str, str]) -> Release:
    """Compiles `texts` into a release with the id 1, and tries it on synthetic events. It checks the entries of lists too.

    Raises:
        Refusal: `pipeline.trial.trial.try_release` refuses the release, or a list has a bad entry.
    """
    values_of_lists(texts)
    return try_release(texts)


def entries_of(texts: Mapping[str, str]) -> list[Change]:
    """Returns the entries of the lists among `texts`, without an end: what a system has on its lists after a push of them.

    Raises:
        Refusal: a list has a bad entry.
    """
    return [Change(name, value, Entry(name, value)) for name, values in values_of_lists(texts).items() for value in values]


def _read(file: pathlib.Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        expected = f"a configuration folder with {', '.join(f'{part}.yaml' for part in PARTS)}"
        raise Refusal("file not readable", where=str(file), expected=expected, got=error.strerror or str(error)) from None
    return decode_text(content, str(file))
