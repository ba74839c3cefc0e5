"""What the store of notes keeps to, in each database of `PLACES`."""

import contextlib
from collections.abc import Iterator

import pytest
from databases_of_a_test import PLACES

from stores.casework.notes import NOTES_MAX, Note, TooManyNotesError
from stores.relational.casework.notes import RelationalNotes
from stores.relational.database import Database


@pytest.fixture(params=PLACES)
def store(request: pytest.FixtureRequest) -> Iterator[RelationalNotes]:
    with contextlib.closing(Database(PLACES[request.param](request))) as opened:
        yield RelationalNotes(opened)


def note(number: int, entity: str = "c1") -> Note:
    return Note(f"{number:032x}", "customer", entity, f"text {number} 🙂 '; drop table note", "ana", number)


def test_notes_of_an_entity_come_newest_first_by_pages(store: RelationalNotes) -> None:
    for number in range(5):
        store.add(note(number))
    store.add(note(9, "c2"))
    assert store.page("customer", "c1", None, 2) == [note(4), note(3)]
    assert store.page("customer", "c1", note(3).id, 9) == [note(2), note(1), note(0)]
    assert store.page("terminal", "c1", None, 9) == []


def test_a_note_is_found_and_removed_under_its_entity_alone(store: RelationalNotes) -> None:
    store.add(note(1))
    assert (store.get("customer", "c2", note(1).id), store.remove("customer", "c2", note(1).id)) == (None, False)
    assert store.get("customer", "c1", note(1).id) == note(1)
    assert (store.remove("customer", "c1", note(1).id), store.remove("customer", "c1", note(1).id)) == (True, False)


def test_an_entity_has_a_bound_of_notes(store: RelationalNotes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stores.relational.casework.notes.NOTES_MAX", 3)
    for number in range(3):
        store.add(note(number))
    with pytest.raises(TooManyNotesError):
        store.add(note(3))
    store.add(note(4, "c2"))
    assert NOTES_MAX > 3


def test_old_notes_are_forgotten_a_bounded_number_at_once(store: RelationalNotes) -> None:
    for number in range(4):
        store.add(note(number))
    assert (store.forget(3, 2), store.forget(3, 2), store.forget(3, 2)) == (2, 1, 0)
    assert store.page("customer", "c1", None, 9) == [note(3)]
