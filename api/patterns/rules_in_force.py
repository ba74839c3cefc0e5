"""The rules of the release in force: what they are, what they may do, and how they are shown."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from api.definitions.in_force import InForce
from api.http.problem import Problem
from api.patterns.rule_shapes import ShownRule, ShownRules
from foundation.document import read_document
from patterns.language.rule_folder import check_id
from patterns.lifecycle.manifest import MANIFEST, PATTERN_PREFIX, Standing, read_manifest
from patterns.matches import RULES_MAX


def part_of_rule(id: str) -> str:
    """The part of a release that holds the text of the rule `id`.

    Raises:
        Refusal: no rule may have this id.
    """
    return PATTERN_PREFIX + check_id(id)


def standings_in(texts: Mapping[str, str]) -> dict[str, Standing]:
    """What the rules of a release with these `texts` may do, by id."""
    return read_manifest(texts.get(MANIFEST, "{}"))


def standing_in(texts: Mapping[str, str], id: str) -> Standing:
    """What the rule `id` may do.

    Raises:
        Problem: 404, there is no such rule.
    """
    return standings_of(texts, [id])[id]


def standings_of(texts: Mapping[str, str], ids: Iterable[str]) -> dict[str, Standing]:
    """What the rules `ids` may do, by id.

    Raises:
        Problem: 404, one of them is not there.
    """
    found = standings_in(texts)
    for id in ids:
        if id not in found:
            raise Problem(404, f"the release in force has no rule {id[:80]}")
    return found


def shown_rules(in_force: InForce) -> ShownRules:
    """All rules of the release in force."""
    release, _ = in_force.require()
    texts, standings = in_force.texts, standings_in(in_force.texts)
    return ShownRules(release.id, [_shown(texts, id, standings[id]) for id in sorted(standings)])


def shown_rule(texts: Mapping[str, str], id: str) -> ShownRule:
    """The rule `id` of a release with these `texts`.

    Raises:
        Problem: 404, there is no such rule.
    """
    return _shown(texts, id, standing_in(texts, id))


def _shown(texts: Mapping[str, str], id: str, standing: Standing) -> ShownRule:
    said = _said(texts[part_of_rule(id)])
    return ShownRule(id, *said, standing.status, standing.share, standing.hash, standing.approved_by)


@lru_cache(4 * RULES_MAX)
def _said(text: str) -> tuple[str, str, str, str | None]:
    """Title, severity, owner and action in the text of a rule, which has been checked."""
    document = read_document(text, "pattern")
    title, severity, owner = (document.at(name).text() if document.has(name) else "" for name in ("title", "severity", "owner"))
    then = document.at("then") if document.has("then") else None
    return title, severity, owner, then.at("action").text() if then is not None and then.has("action") else None
