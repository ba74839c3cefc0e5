"""Constants that are texts get numbers of their own."""

import sys
from concurrent.futures import ThreadPoolExecutor

from patterns.predicates.text_numbers import TextNumbers


def test_texts_that_threads_number_at_once_get_different_numbers() -> None:
    numbers = TextNumbers()
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            given = list(threads.map(lambda start: [numbers.number(f"{start} {at}") for at in range(20_000)], range(4)))
    finally:
        sys.setswitchinterval(before)
    assert len({number for each in given for number in each}) == 80_000


def test_a_text_keeps_its_number() -> None:
    numbers = TextNumbers()
    assert numbers.number("a") == numbers.number("a") != numbers.number("b")
    assert numbers.number("") == TextNumbers.EMPTY
