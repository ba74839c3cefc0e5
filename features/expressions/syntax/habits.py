"""What people write who know other languages, and how it is written here: remedies for refusals of the parser."""

import re

_WORDS = {
    "=": "==",
    "and": "&&",
    "AND": "&&",
    "or": "||",
    "OR": "||",
    "&": "&&",
    "|": "||",
    "not": "!",
    "NOT": "!",
    "is": "has(event.x), or !has(event.x)",
    "IS": "has(event.x), or !has(event.x)",
    "like": 'event.x.contains("…"), or event.x.startsWith("…")',
    "LIKE": 'event.x.contains("…"), or event.x.startsWith("…")',
    "between": "low <= event.x && event.x <= high",
    "BETWEEN": "low <= event.x && event.x <= high",
}
"""What to write in the place of a word or sign."""
_BESIDE = (
    (re.compile(r"=>"), 0, "write >="),
    (re.compile(r"=<"), 0, "write <="),
    (re.compile(r"<>"), 1, "write !="),
    (re.compile(r"!=="), 2, "write !="),
    (re.compile(r"==="), 2, "write =="),
    (re.compile(r"\bnot\s+\S", re.IGNORECASE), -1, "write ! in the place of not"),
    (re.compile(r"[0-9]%\s*(?:\S|$)"), -1, "write a share as a number, such as 0.1 for 10 %: the sign % gives the remainder of a division"),
    (re.compile(r"[0-9],[0-9]{3}(?![0-9])"), 1, "write the number without a comma"),
    (re.compile(r"\bin\s*\([^()]*,"), -1, "write a list in square brackets: in [a, b]"),
    (re.compile(r"[“”„‟‘’‚‛«»]"), 0, 'write straight quotes: "'),
    (re.compile(r"\$[A-Za-z_]"), 0, "write parameter.name for a parameter"),
    (re.compile(r"[$€£¥]"), 0, "write the number alone"),
)
"""A text around the place of a fault, how far behind its beginning the fault lies (-1: at its last character), and the remedy."""


def remedy_for(text: str, at: int, found: str) -> str:
    """Returns what to do about the fault at the offset `at` of `text`, where `found` stands; '' where nobody knows."""
    for pattern, behind, remedy in _BESIDE:
        for match in pattern.finditer(text):
            place = match.end() - 1 if behind < 0 else match.start() + behind
            if at == place or (at == len(text) == match.end()):
                return remedy
    return f"write {_WORDS[found]}" if found in _WORDS else ""
