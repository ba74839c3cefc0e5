"""The route that tells what cases.yaml in force says of verdicts: typologies with what their verdicts need, and the taxonomy of reasons."""

import msgspec
from fastapi import APIRouter, Response

from api.cases.case_door import CaseDoor
from api.http.late_routes import late_routes
from api.http.problem import as_response, json_answer
from api.http.route_docs import route_docs


class ShownVerdictInput(msgspec.Struct):
    """Something that a verdict has to say beside its reason, if it is one of `verdicts`. A choice is one of `options`."""

    name: str
    type: str
    options: tuple[str, ...]
    verdicts: tuple[str, ...]


class ShownTypology(msgspec.Struct):
    """A kind of fraud: which entity its cases are about, where they go, and what verdicts on them need."""

    name: str
    title: str
    entity: str
    inbox: str
    inputs: list[ShownVerdictInput]


class Taxonomy(msgspec.Struct):
    """Typologies, and reasons by verdict; a verdict of which there are none needs no reason."""

    typologies: list[ShownTypology]
    reasons: dict[str, tuple[str, ...]]


def make_typology_routes(door: CaseDoor) -> APIRouter:
    """The route ``/typologies``."""
    routes = late_routes("cases")

    @routes.get("/typologies", summary="Typologies of cases, and the reasons that verdicts may have", **route_docs(Taxonomy))
    def show() -> Response:
        """As cases.yaml of the release in force has them."""
        policy = door.policy()
        typologies = [
            ShownTypology(
                one.name, one.title, one.entity, one.inbox, [ShownVerdictInput(i.name, i.type, i.options, i.verdicts) for i in one.inputs]
            )
            for one in policy.typologies
        ]
        return as_response(json_answer(200, Taxonomy(typologies, {word: tuple(given) for word, given in policy.reasons.items()})))

    return routes
