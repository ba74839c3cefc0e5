"""Which model decides in each place of the policy's score, and which ones are scored beside it without a word in any decision."""

from collections.abc import Mapping, Sequence

import msgspec

from foundation.refusal import Refusal

CHAMPIONS = "champions"
"""The part of a release that says which challengers were promoted: a definition's text cannot, or the next push would undo it."""
_REMEDY = "roll back that place first, or leave the model in models.yaml"


class Champion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Says who decides in a place of the policy's score.

    Args:
        model: the name of the model that decides there.
        before: the name of the one that did before.
        by: who promoted it.
    """

    model: str
    before: str
    by: str = ""


class ChallengingModel(msgspec.Struct, frozen=True):
    """Says which place of the policy's score a model challenges, and whose scores it reads; '' for a model that challenges none."""

    name: str
    challenges: str
    reads: tuple[str, ...] = ()


Champions = Mapping[str, Champion]
"""By the name of the place, which is that of the model that policy.yaml names there."""
_decode = msgspec.json.Decoder(dict[str, Champion]).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def read_champions(text: str) -> dict[str, Champion]:
    """Reads the text of the part.

    Raises:
        Refusal: this is no such text.
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        expected = "a JSON object by place: model, before, by"
        raise Refusal("bad champions", where=CHAMPIONS, expected=expected, got=str(error)) from None


def champions_text(champions: Champions) -> str:
    """Returns the text of the part: a JSON object."""
    return _encode(dict(champions)).decode() + "\n"


def champions_in(texts: Mapping[str, str], places: Sequence[str], models: Sequence[ChallengingModel]) -> dict[str, Champion]:
    """Returns the champions of a release, as far as they are of `places`, which its policy names.

    Raises:
        Refusal: a champion is no model of the release that challenges its place.
    """
    known = {model.name: model.challenges for model in models}
    found = {place: champion for place, champion in read_champions(texts.get(CHAMPIONS, "{}")).items() if place in places}
    for place, champion in found.items():
        if known.get(champion.model) != place:
            expected = f"a model {champion.model} with challenges: {place}, since it decides in that place"
            raise Refusal("champion is missing", where="models.yaml", expected=expected, got="none", remedy=_REMEDY)
    return found


def check_challengers(models: Sequence[ChallengingModel], places: Sequence[str]) -> None:
    """Checks that models challenge places of the policy, hold none themselves, and that no model but a challenger reads their scores.

    Raises:
        Refusal: one does not.
    """
    challengers = [model for model in models if model.challenges]
    heard = {model.name for model in challengers}.intersection(name for each in models if not each.challenges for name in each.reads)
    for model in challengers:
        if model.name in heard:
            expected = "only challengers that read a challenger's score: another model would let it act"
            raise Refusal("challenger is read", where="models.yaml", expected=expected, got=model.name)
        if model.name in places:
            expected = f"no model that challenges {model.challenges} in the policy's score: it decides once it is promoted"
            raise Refusal("challenger in the policy", where="policy.yaml", expected=expected, got=model.name)
        if model.challenges not in places:
            expected = "challenges: one of " + ", ".join(places) + ", which the policy's score names"
            raise Refusal("challenges nobody", where=f"models.yaml, {model.name}", expected=expected, got=model.challenges)
