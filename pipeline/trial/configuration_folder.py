"""A configuration folder: the texts of its files, read in one way by all commands."""

import pathlib
from collections.abc import Mapping

from foundation.refusal import Refusal
from foundation.text_bytes import decode_text
from patterns.list_text import values_of_lists
from patterns.lists import LIST_PREFIX
from pipeline.engine.release import PARTS, Release
from pipeline.trial.trial import try_release


def read_texts(folder: pathlib.Path) -> dict[str, str]:
    """The texts of `folder` by part: the definitions, and ``lists/*.txt`` under the names of the files.

    Raises:
        Refusal: a definition is missing, or a file cannot be read or is not UTF-8; with the file, and line and column for the latter.
    """
    lists = {LIST_PREFIX + file.stem: _read(file) for file in sorted(folder.glob("lists/*.txt"))}
    return {part: _read(folder / f"{part}.yaml") for part in PARTS} | lists


def compile_texts(texts: Mapping[str, str]) -> Release:
    """The release that `texts` make, under the id 1, after it has decided on synthetic events. Entries of lists are checked too.

    Raises:
        Refusal: as of `pipeline.trial.trial.try_release`, or a list has a bad entry.
    """
    values_of_lists(texts)
    return try_release(texts)


def _read(file: pathlib.Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        expected = f"a configuration folder with {', '.join(f'{part}.yaml' for part in PARTS)}"
        raise Refusal("file not readable", where=str(file), expected=expected, got=error.strerror or str(error)) from None
    return decode_text(content, str(file))
