"""What profiles keep of sequences: as long as it means something, under a hash of its meaning, and no longer."""

import base64
import zlib
from dataclasses import replace

import numpy as np

from features.layout.layout import NEWEST
from features.profiles.profiles import Profiles
from patterns.language.pattern import Missing
from patterns.sequences.kernels.machine import advance
from patterns.sequences.plan.layout import RuleSequence
from patterns.sequences.plan.tables import DROPPED, NONE
from patterns.sequences.sequences import Sequences
from patterns.sequences.warm_kernels import compile_sequence_kernels
from tests.patterns.sequences.sequence_oracle import PlainSequence, PlainStep, Seen
from tests.patterns.sequences.test_sequences_against_brute_force import PLAN, Ask, Slots, declared

PLAIN = PlainSequence(10_000, (PlainStep("a"), PlainStep("b"), PlainStep("c")), each=True)


OF_BEFORE = """
eNpjYYCAy98MOb/nLRFUgPIFGLCD/1AA40dHx+pERysVFyQWFacq6RiaxcbqGOhEx8YqQMB/NADVdgCXuQTUw+ndtb+nTtrczs4G5PAC8RFOiASMfsGMSl9gR6Wrls2YINV2
PIpc/QDPtFK5
"""
"""A profile as a version wrote it in which every sequence kept its first event by itself: a at 1,000, b at 2,000 and a at 2,500 of
`PLAIN`, and of the same where a match ends what has begun, both without `until` and condition."""


def seen(time: int, *steps: str, id: int = 0, **values: float) -> tuple[str, Seen]:
    return "k", Seen(time, id or time, id or time, frozenset(steps), values=values)


def with_time(machine: Slots, time: int) -> None:
    """Lets the key's time be that of an event that fired nothing."""
    machine.profiles.slab.heads[machine.profiles.slots(["k"]), NEWEST] = time


def test_a_key_takes_bytes_from_the_first_step_on_and_not_before() -> None:
    machine = Slots([declared(PLAIN)])
    machine.take([seen(1_000, "b"), seen(2_000, "c")])
    empty = machine.profiles.size_bytes
    machine.take([seen(3_000, "a")])
    assert machine.profiles.size_bytes > empty


def test_what_an_idle_sequence_kept_goes_from_bytes_and_memory_once_its_time_is_over() -> None:
    machine = Slots([declared(PLAIN)])
    slots = machine.profiles.slots(["k"])
    bare = machine.profiles.save(slots).heads[0]
    machine.take([seen(3_000, "a")])
    with_time(machine, 13_000)
    kept = machine.profiles.save(slots).heads[0]
    with_time(machine, 15_001)
    gone = machine.profiles.save(slots).heads[0]
    assert len(kept) > len(gone) == len(bare)
    assert len(machine.profiles.sections.sparse) == 0


def test_what_still_means_something_is_found_when_what_lapsed_beside_it_is_gone() -> None:
    lasting = PlainSequence(60_000, (PlainStep("b"), PlainStep("c")))
    machine = Slots([declared(each, until=False, gate=False) for each in (PLAIN, lasting)])
    machine.take([seen(1_000, "a"), seen(2_000, "b")])
    with_time(machine, 20_000)
    machine.profiles.save(machine.profiles.slots(["k"]))
    assert len(machine.profiles.sections.sparse) == 1
    assert len(machine.take([seen(21_000, "c")]).matches) == 1


def test_a_sequence_that_began_goes_on_after_a_restart_under_rules_that_differ_in_all_but_its_meaning() -> None:
    first = Slots([declared(PLAIN)])
    first.take([seen(1_000, "a"), seen(2_000, "b")])
    head = first.profiles.save(first.profiles.slots(["k"])).heads[0]
    other = declared(PlainSequence(77, (PlainStep("a"), PlainStep("c"))))
    for rules, matches in (([other, declared(PLAIN)], 1), ([declared(replace(PLAIN, within=9_999))], 0)):
        second = Slots(rules)
        second.profiles.restore("k", head, [])
        assert len(second.take([seen(3_000, "c")]).matches) == matches


def test_what_an_earlier_version_had_begun_goes_on() -> None:
    machine = Slots([declared(each, until=False, gate=False) for each in (PLAIN, replace(PLAIN, each=False))])
    machine.profiles.restore("k", zlib.decompress(base64.b64decode(OF_BEFORE)), [])
    found = machine.take(
        [seen(3_000, "c"), seen(3_500, "b"), seen(4_000, "c"), seen(4_100, "a"), seen(4_200, "b"), seen(4_300, "c")]
    ).matches
    taken = [(int(found.sequences[at]), [event.time_ms for event in found.taken(at)]) for at in range(len(found))]
    once, again, anew = [1_000, 2_000, 3_000], [2_500, 3_500, 4_000], [4_100, 4_200, 4_300]
    assert sorted(taken) == [(0, once), (0, again), (0, anew), (1, once), (1, anew)]


def test_sequences_that_begin_alike_keep_their_first_event_once_and_words_of_their_own_from_the_second_on() -> None:
    machine = Slots([declared(replace(PLAIN, within=10_000 + at), until=False, gate=False) for at in range(50)])
    machine.take([seen(1_000, "a")])
    assert len(machine.profiles.sections.sparse) == 1
    machine.take([seen(2_000, "b")])
    assert len(machine.profiles.sections.sparse) == 51


def test_a_new_sequence_begins_from_the_event_that_others_keep_of_the_same_first_step_and_not_beyond_its_own_time() -> None:
    kept, other = replace(PLAIN, within=1_500), PlainSequence(10_000, (PlainStep("a"), PlainStep("c")))
    first = Slots([declared(kept, until=False, gate=False)])
    first.take([seen(1_000, "a")])
    head = first.profiles.save(first.profiles.slots(["k"])).heads[0]
    for time, matches in ((2_400, 1), (4_000, 0)):  # longer than the event was kept for, though the new one lasts that long
        second = Slots([declared(each, until=False, gate=False) for each in (kept, other)])
        second.profiles.restore("k", head, [])
        assert len(second.take([seen(time, "c")]).matches) == matches


def test_what_began_rests_while_no_rule_has_its_steps() -> None:
    first = Slots([declared(PLAIN)])
    first.take([seen(1_000, "a"), seen(2_000, "b")])
    head = first.profiles.save(first.profiles.slots(["k"])).heads[0]
    bare = Profiles(PLAN, ())
    bare.restore("k", head, [])
    again = Slots([declared(PLAIN)])
    again.profiles.restore("k", bare.save(bare.slots(["k"])).heads[0], [])
    assert len(again.take([seen(3_000, "c")]).matches) == 1


def test_rules_with_the_same_steps_share_their_state() -> None:
    sequences = Sequences([declared(PLAIN), RuleSequence(declared(PLAIN).sequence), declared(PLAIN)])
    assert sequences.of == [0, 1, 0]
    assert len(sequences.sections) == 2


def test_of_more_partial_matches_than_are_kept_the_oldest_gives_way_and_that_is_counted() -> None:
    ask = Ask("a", "first", "<=", 1.0, False, Missing.FALSE)  # only an event with a greater value than the last may come before
    plain = PlainSequence(10_000, (PlainStep("a"), PlainStep("b", reads=ask)), each=True)
    for small, matches, given_way in ((3, 1, 0), (4, 0, 1)):
        machine = Slots([declared(plain, gate=False)])
        machine.take([seen(1_000, "a", x=9.0), *(seen(2_000 + at, "a", x=1.0) for at in range(small))])
        assert len(machine.take([seen(3_000, "b", x=5.0)]).matches) == matches
        assert machine.sequences.counts[0, DROPPED] == given_way


def test_an_absence_at_the_end_comes_true_after_its_deadline_and_not_at_it() -> None:
    plain = PlainSequence(10_000, (PlainStep("a"), PlainStep("b", gap=500, absent=True)))
    machine = Slots([declared(plain)])
    slots = machine.profiles.slots(["k"])
    machine.take([seen(1_000, "a")])
    assert machine.sequences.deadlines_ms(machine.profiles, slots).tolist() == [1_500]
    assert len(machine.sequences.pass_time(machine.profiles, slots, 1_500)) == 0
    due = machine.sequences.pass_time(machine.profiles, slots, 1_501)
    assert due.deadlines_ms is not None
    assert due.deadlines_ms.tolist() == [1_500]
    assert [event.time_ms for event in due.taken(0)] == [1_000]
    assert machine.sequences.deadlines_ms(machine.profiles, slots).tolist() == [NONE]
    machine.take([seen(2_000, "a"), seen(2_500, "b")])
    assert len(machine.sequences.pass_time(machine.profiles, slots, 9_000)) == 0


def test_a_burst_that_is_longer_than_the_ring_is_counted_whole() -> None:
    plain = PlainSequence(1_000, (PlainStep("a", 3, None), PlainStep("b", reads=Ask("a", "count", ">=", 100.0, False, Missing.FALSE))))
    machine = Slots([declared(plain)])
    found = machine.take([*(seen(1_000 + at, "a") for at in range(100)), seen(1_200, "b")])
    assert len(found.matches) == 1
    assert found.matches.count(0, "a") == 100
    assert len(found.matches.taken(0)) == 9
    assert not np.count_nonzero(machine.sequences.counts)


def test_the_kernels_of_sequences_can_be_compiled_before_the_first_event() -> None:
    compile_sequence_kernels()
    signatures = len(advance.signatures)  # type: ignore[attr-defined]  # numba's
    assert signatures == 1
    Slots([declared(PLAIN)]).take([seen(1_000, "a")])
    assert len(advance.signatures) == signatures  # type: ignore[attr-defined]
