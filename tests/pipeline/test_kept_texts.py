import pytest

from pipeline.kept_texts import RELEASES_KEPT, KeptTexts


def test_a_text_that_every_release_names_stays_and_one_that_none_names_any_more_goes() -> None:
    texts = KeptTexts()
    texts.take("always", "a")
    texts.take("once", "b")
    texts.released(["always", "once"])
    for _ in range(RELEASES_KEPT - 1):
        texts.released(["always"])
        assert texts.named({"policy": "once"}) == {"policy": "b"}
    texts.released(["always"])
    assert "once" not in texts
    assert texts["always"] == "a"


def test_a_text_may_come_some_releases_before_the_one_that_names_it() -> None:
    texts = KeptTexts()
    texts.take("early", "a")
    for number in range(RELEASES_KEPT - 1):
        texts.take(str(number), "other")
        texts.released([str(number)])
    assert texts.named({"policy": "early"}) == {"policy": "a"}


def test_what_is_kept_does_not_grow_with_the_number_of_releases() -> None:
    texts = KeptTexts()
    for number in range(1_000):
        texts.take(str(number), "x")
        texts.released([str(number)])
    assert len(texts) == RELEASES_KEPT
    with pytest.raises(KeyError):
        texts.named({"policy": "0"})
