"""Reads of a rule's text, without the schema, the bounds that must hold before it is activated."""

from collections.abc import Mapping
from dataclasses import replace

from foundation.document import read_document
from patterns.language.consequence_reader import read_promote
from patterns.language.pattern import Promote
from patterns.language.rule_folder import extended_by, source_of
from patterns.language.rule_reader import RuleFile


def promote_of(id: str, texts: Mapping[str, str]) -> Promote:
    """Returns the bounds of the rule `id`, or those of the rule that it extends where it has none.

    Args:
        texts: of the rules of a release, by id; all of them have been checked.
    """
    extended = extended_by(id, texts[id])
    parent = RuleFile(extended, "", "", read_document(texts[extended], source_of(extended))) if extended in texts else None
    file = RuleFile(id, "", "", read_document(texts[id], source_of(id)), parent)
    return replace(file, constants=file.parameters()).read("promote", read_promote, Promote())
