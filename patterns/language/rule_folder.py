"""Reads all rules of a folder together: each alone, and what they say of each other."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from foundation.content_hash import content_hash
from foundation.document import Section, read_document
from foundation.refusal import Refusal
from patterns.language.pattern import Pattern
from patterns.language.rule_reader import RuleFile, RuleReader
from patterns.language.scope import Scope, Seen
from patterns.language.traffic_warnings import constant_conditions, warnings_of

PATTERNS_MAX = 20_000
"""The maximum number of rules of one folder."""
REFUSALS_MAX = 100
"""How many refusals are gathered before the rest of a folder is left unread."""
_ID = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NO_PATTERNS: Mapping[str, Pattern] = {}


class Reading(NamedTuple):
    """Holds what was read of a folder.

    Args:
        patterns: the rules that were accepted, by id.
        refusals: what is wrong with the others, by the order of their ids, `REFUSALS_MAX` at most.
        warnings: whole sentences about rules that were accepted, each beginning with file, line and column.
    """

    patterns: dict[str, Pattern]
    refusals: tuple[Refusal, ...]
    warnings: tuple[str, ...]

    def whole(self) -> dict[str, Pattern]:
        """Returns all rules.

        Raises:
            Refusal: the first one, if any was refused.
        """
        if self.refusals:
            raise self.refusals[0]
        return self.patterns


def source_of(id: str) -> str:
    """Returns the name of a rule's file, as refusals have it."""
    return f"patterns/{id}.yaml"


def check_id(id: str) -> str:
    """Returns `id` if it may be the id of a rule.

    Raises:
        Refusal: it is not a small letter followed by up to 62 small letters, digits and underscores.
    """
    if not _ID.fullmatch(id):
        expected = "a small letter, then up to 62 small letters, digits and underscores"
        raise Refusal("not the id of a rule", where=source_of(id), expected=expected, got=id or "an empty text")
    return id


def extended_by(id: str, text: str) -> str:
    """Returns the id of the rule that the rule `id` with this text extends; '' if it extends none.

    Raises:
        Refusal: the text is no YAML document.
    """
    document = read_document(text, source_of(id)) if "extends" in text else None
    return document.at("extends").text() if document is not None and document.is_mapping() and document.has("extends") else ""


def read_patterns(texts: Mapping[str, str], scope: Scope, seen: Seen | None = None, known: Mapping[str, Pattern] = _NO_PATTERNS) -> Reading:
    """Reads the rules in `texts`, which are given by id.

    Args:
        seen: what traffic has had; None: nobody knows, and nothing is warned of.
        known: rules that were read over the same scope; those of the same texts are not read again.
    """
    return _Folder(texts, scope, known).read(seen)


class _Folder:
    def __init__(self, texts: Mapping[str, str], scope: Scope, known: Mapping[str, Pattern]) -> None:
        self._texts = texts
        self._known = known
        self._reader = RuleReader(scope)
        self._documents: dict[str, Section] = {}

    def read(self, seen: Seen | None) -> Reading:
        if len(self._texts) > PATTERNS_MAX:
            refusal = Refusal("too many rules", where="patterns", expected=f"at most {PATTERNS_MAX}", got=f"{len(self._texts)}")
            return Reading({}, (refusal,), ())
        patterns: dict[str, Pattern] = {}
        refusals: list[Refusal] = []
        for id in sorted(self._texts):
            try:
                patterns[id] = self._pattern(id)
            except Refusal as refusal:  # what is wrong with a rule that others extend is said once
                refusals += [refusal] if all(str(refusal) != str(other) for other in refusals) else []
            if len(refusals) == REFUSALS_MAX:
                break
        return Reading(patterns, tuple(refusals), tuple(_warnings(patterns, seen)))

    def _pattern(self, id: str) -> Pattern:
        check_id(id)
        known = self._known.get(id)
        if known is not None and known.texts == self._hash_of_texts(id, known.extends):
            return known
        own = read_document(self._texts[id], source_of(id))
        parent = self._parent(id, own) if own.is_mapping() and own.has("extends") else None
        return self._reader.read(
            RuleFile(id, content_hash(self._texts[id]), self._hash_of_texts(id, None if parent is None else parent.id), own, parent)
        )

    def _hash_of_texts(self, id: str, parent: str | None) -> str:
        """Returns the content hash of a rule's text, and of the text of the rule that it extends."""
        text = self._texts[id] if parent is None else f"{self._texts[id]}\0{self._texts.get(parent)}"
        return content_hash(text)

    def _extended(self, id: str) -> Section:
        """Returns the document of a rule that others extend. It is kept, as those of the many others are not."""
        if id not in self._documents:
            self._documents[id] = read_document(self._texts[id], source_of(id))
        return self._documents[id]

    def _parent(self, id: str, own: Section) -> RuleFile:
        """Returns the file that `own` extends, which must be there and extend none."""
        name = own.at("extends").text()
        if name not in self._texts:
            near = difflib.get_close_matches(name, self._texts, n=1)
            own.at("extends").refuse("unknown rule", "the id of another rule", name, f"did you mean {near[0]}?" if near else "")
        chain = self._chain(id, name)
        if chain[-1] in chain[:-1]:
            own.at("extends").refuse("rules that extend each other", "no cycle", " → ".join(chain))
        parent = self._extended(name)
        if len(chain) > 2:
            remedy = f"extend {chain[2]} itself"
            own.at("extends").refuse("extends a rule that extends another", "one level", " → ".join(chain), remedy)
        version = content_hash(self._texts[name])
        return RuleFile(name, version, version, parent)

    def _chain(self, id: str, name: str) -> list[str]:
        """Returns `id`, the rule `name` that it extends, and so on over any number of levels; the last stands twice where they go round."""
        chain = [id, name]
        while chain[-1] not in chain[:-1] and chain[-1] in self._texts:
            document = self._extended(chain[-1])
            if not document.is_mapping() or not document.has("extends"):
                break
            chain.append(document.at("extends").text())
        return chain


def _warnings(patterns: Mapping[str, Pattern], seen: Seen | None) -> Iterator[str]:
    for pattern in patterns.values():
        yield from constant_conditions(pattern)
        yield from warnings_of(pattern, seen) if seen is not None else ()
