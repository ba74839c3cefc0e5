"""What is loaded later is made once, when it is asked for; which names there are is known before."""

import pytest

from detectors.catalogue import SNAPSHOT_KINDS, load, load_all
from detectors.loaded_later import LoadedLater, imported


def test_a_value_is_made_once_and_by_nothing_but_a_question_for_it() -> None:
    made: list[str] = []
    later = LoadedLater({name: lambda name=name: made.append(name) or name.upper() for name in ("a", "b")})  # type: ignore[misc]
    assert (len(later), list(later), "a" in later, "c" in later, later.get("c")) == (2, ["a", "b"], True, False, None)
    assert made == []
    assert (later["a"], later.get("a"), made) == ("A", "A", ["a"])
    with pytest.raises(KeyError):
        later["c"]


def test_all_that_the_catalogue_names_is_there() -> None:
    load_all()
    assert imported("boosted.symmetric_trees", "BoostedScoring") is SNAPSHOT_KINDS["boosted.SymmetricTrees"].make
    load(["no such detector"])
