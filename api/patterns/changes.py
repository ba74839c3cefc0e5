"""What requests about rules change in the release in force: texts of rules, and what the rules may do."""

from collections.abc import Mapping

import msgspec

from api.auth.permissions import Caller
from api.definitions.approval import Approval
from api.http.problem import Problem
from api.http.problem_types import NEEDS_APPROVER
from api.patterns.rules_in_force import part_of_rule, standing_in, standings_in
from api.trials.change import Changes, with_changes
from foundation.content_hash import content_hash
from foundation.refusal import Refusal
from patterns.language.rule_folder import extended_by
from patterns.lifecycle.manifest import MANIFEST, Standing, manifest_text, read_manifest, with_manifest
from patterns.lifecycle.moves import acts, moved


def waits_for_approval(texts: Mapping[str, str], rules: Mapping[str, str], approval: Approval, caller: Caller) -> bool:
    """Tells whether an upload of `rules`, texts by id, has to wait for an approver: one that acts, or that one which acts extends, gets
    another text.

    Rules that do not act may be changed by whoever may write them, since no decision depends on them.

    Args:
        texts: of the release in force.
    """
    if approval.acts_alone(caller):
        return False
    standings = standings_in(texts)
    acting = {id for id, standing in standings.items() if acts(standing)}
    guarded = acting | {extended_by(id, texts[part_of_rule(id)]) for id in acting}
    return any(id in guarded and texts.get(part_of_rule(id)) != text for id, text in rules.items())


def with_rules(texts: Mapping[str, str], rules: Mapping[str, str], approval: Approval, caller: Caller) -> Changes:
    """The change by which `caller` uploads `rules`, texts by id.

    A rule that acts keeps its approval under a new text where the caller may act alone: uploading it is approving it.
    """
    changes = {part_of_rule(id): text for id, text in rules.items()}
    standings = standings_in(texts)
    changed = [id for id, text in rules.items() if acts(standings.get(id)) and standings[id].hash != content_hash(text)]
    if not changed or not approval.acts_alone(caller):
        return changes
    fitted = read_manifest(with_manifest(with_changes(texts, changes), standings, first=False)[MANIFEST])
    approved = {id: msgspec.structs.replace(fitted[id], approved_by=caller.name) for id in changed}
    return {**changes, MANIFEST: manifest_text({**fitted, **approved})}


def with_move(texts: Mapping[str, str], id: str, verb: str, share: float | None, approver: str) -> Changes:
    """The change by which the rule `id` is moved, see `patterns.lifecycle.moves.moved`.

    Raises:
        Problem: 404, there is no such rule; 409, the verb leads nowhere, or the text has to be approved before.
    """
    standing = standing_in(texts, id)
    try:
        new = moved(id, standing, verb, share, approver)
    except Refusal as refusal:
        raise Problem(409, str(refusal), members={"status": standing.status}) from refusal
    return with_standing(texts, id, new)


def with_standing(texts: Mapping[str, str], id: str, standing: Standing) -> Changes:
    """The change by which the rule `id` gets another standing."""
    return {MANIFEST: manifest_text({**standings_in(texts), id: standing})}


def with_approval(texts: Mapping[str, str], id: str, text: str, by: str) -> Changes:
    """The change by which `by` approves `text` of the rule `id`, which is put in force if another text is.

    Raises:
        Problem: 404, there is no such rule.
    """
    standing = msgspec.structs.replace(standing_in(texts, id), hash=content_hash(text), approved_by=by)
    return {part_of_rule(id): text, **with_standing(texts, id, standing)}


def with_earlier_text(texts: Mapping[str, str], id: str, text: str, approved_by: str) -> Changes:
    """The change by which the rule `id` gets a text that it had in an earlier release, under the status that it has now.

    Args:
        approved_by: who approved it then; '' if nobody did.

    Raises:
        Problem: 404, there is no such rule; 409, the rule acts, and nobody has approved that text.
    """
    standing = standing_in(texts, id)
    if acts(standing) and not approved_by:
        raise Problem(409, f"the rule {id} is {standing.status}, and nobody has approved the text to go back to", type=NEEDS_APPROVER)
    return with_approval(texts, id, text, approved_by)


def without_rule(texts: Mapping[str, str], id: str) -> Changes:
    """The change by which the rule `id` is removed; its texts stay in the registry.

    Raises:
        Problem: 404, there is no such rule; 409, it is still in use.
    """
    standing = standing_in(texts, id)
    if standing.status not in ("draft", "retired"):
        raise Problem(409, f"the rule {id} is {standing.status}; only drafts and retired rules are removed: retire it before")
    return {part_of_rule(id): None}
