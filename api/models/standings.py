"""What each model of the release in force may do, and the changes of that."""

from collections.abc import Mapping

from api.definitions.in_force import InForce
from api.http.problem import Problem
from api.models.model_shapes import ShownModel, ShownModels
from api.trials.change import Changes
from pipeline.engine.definitions.champions import CHAMPIONS, Champion, champions_text
from pipeline.engine.definitions.learned_bins import learned_bins
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release

CHAMPION, CHALLENGER, BESIDE = "champion", "challenger", "beside"


def shown_models(in_force: InForce) -> ShownModels:
    """All models of the release in force.

    Raises:
        Problem: 503, no release is in force.
    """
    release, _ = in_force.require()
    return ShownModels(release.id, [_shown(release, model) for model in release.models])


def model_of(release: Release, name: str) -> Model:
    """The model `name`.

    Raises:
        Problem: 404, there is none.
    """
    found = next((model for model in release.models if model.name == name), None)
    if found is None:
        raise Problem(404, f"the release in force has no model {name[:80]}")
    return found


def champion_of(release: Release, place: str) -> str:
    """The model that decides in a place of the policy's score.

    Raises:
        Problem: 404, the policy has no such place.
    """
    champions = dict(zip(places_of(release), release.policy.models, strict=True))
    if place not in champions:
        raise Problem(404, f"the policy's score has no place {place[:80]}, but {', '.join(champions)}")
    return champions[place]


def places_of(release: Release) -> list[str]:
    """The places of the policy's score, named as policy.yaml names its models."""
    place_of = {champion.model: place for place, champion in release.champions.items()}
    return [place_of.get(name, name) for name in release.policy.models]


def models_of_place(release: Release, place: str) -> list[str]:
    """The champion of a place first, and then those that challenge it, with the one that policy.yaml names there."""
    champion = champion_of(release, place)
    return [champion, *(model.name for model in release.models if place in (model.challenges, model.name) and model.name != champion)]


def with_promotion(release: Release, name: str, by: str) -> Changes:
    """The change by which the challenger `name` takes its place.

    Raises:
        Problem: 404, there is no such model; 409, it challenges none, or decides there already.
    """
    model = model_of(release, name)
    if not model.challenges:
        raise Problem(409, f"the model {name} challenges none; models.yaml says whom a model challenges")
    before = champion_of(release, model.challenges)
    if before == name:
        raise Problem(409, f"the model {name} decides in the place {model.challenges} already")
    return _with({**release.champions, model.challenges: Champion(name, before, by)})


def with_rollback(release: Release, place: str, by: str) -> Changes:
    """The change by which the model before decides in `place` again.

    Raises:
        Problem: 404, the policy has no such place; 409, no model was promoted there.
    """
    champion_of(release, place)
    if place not in release.champions:
        raise Problem(409, f"no model was promoted in the place {place}, so there is none to go back to")
    champion = release.champions[place]
    others = {each: found for each, found in release.champions.items() if each != place}
    if champion.before != place:
        others[place] = Champion(champion.before, place, by)
    return _with(others)


def _with(champions: Mapping[str, Champion]) -> Changes:
    return {CHAMPIONS: champions_text(champions) if champions else None}


def _shown(release: Release, model: Model) -> ShownModel:
    standing, place = standing_of(release, model)
    promoted = release.champions.get(place)
    return ShownModel(
        model.name,
        standing,
        place,
        model.model,
        model.kind,
        "labels" if model.labelled else "events",
        list(model.inputs),
        model.definition,
        promoted.by if promoted is not None and promoted.model == model.name else "",
        learned_bins([model]).get(model.name, ""),
    )


def standing_of(release: Release, model: Model) -> tuple[str, str]:
    """What a model may do, and the place that it holds or challenges."""
    if model.name in release.policy.models:
        return CHAMPION, places_of(release)[release.policy.models.index(model.name)]
    if model.challenges or model.name in release.champions:
        return CHALLENGER, model.challenges or model.name
    return BESIDE, ""
