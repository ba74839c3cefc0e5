"""The names that an expression may read, with their types."""

import difflib
from collections.abc import Iterable, Mapping

from features.expressions.functions.types import Type
from features.schema.schema import Schema

_FIELD_TYPES = {"decimal": Type.DOUBLE, "float": Type.DOUBLE, "integer": Type.INT, "boolean": Type.BOOL, "string": Type.STRING}
_SHOWN_MAX = 12
_NEAR = 0.75
_BOOLS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
LIST = "list."
IN_LIST = " in list."
"""Stands in the name of the bool that tells whether a text of the event is on a list: ``event.device_id in list.watched``."""


class Names:
    """Holds types by full name, such as ``event.amount`` or ``feature.count_1h``.

    Args:
        types: the type of each name; the part before the first dot is its root.
        lists: whether ``event.x in list.y`` may be asked; which lists there are, others know.
    """

    def __init__(self, types: Mapping[str, Type], lists: bool = False) -> None:
        self.types = dict(types)
        self.lists = lists
        self._prefixes = {name[:at] for name in types for at, character in enumerate(name) if character == "."}

    def extended(self, types: Mapping[str, Type]) -> "Names":
        """Returns these names and those of `types`, which count where both have one."""
        both = Names(types, self.lists)
        both.types = {**self.types, **types}
        both._prefixes |= self._prefixes
        return both

    def is_prefix(self, name: str) -> bool:
        """Tells whether some known name begins with `name` and a dot."""
        return name in self._prefixes

    def nearest(self, name: str) -> str:
        """Returns a remedy that suggests the known name most like `name`; empty when none is similar."""
        last = name.rpartition(".")[2]
        same = [known for known in self.types if known.rpartition(".")[2] == last]
        if "." not in name and not same:
            return self._nearest_word(name)
        near = same or difflib.get_close_matches(name, self.types, n=1) or difflib.get_close_matches(f"event.{name}", self.types, n=1)
        return f"did you mean {near[0]}?" if near else ""

    def _nearest_word(self, word: str) -> str:
        """Returns a remedy for a word without a dot that is no name: it may lack its root, or its quotes."""
        if word.lower() in _BOOLS:
            return f"write {_BOOLS[word.lower()]}"
        lasts = {known.rpartition(".")[2]: known for known in self.types}
        near = difflib.get_close_matches(word, lasts, n=1, cutoff=_NEAR)
        return f"did you mean {lasts[near[0]]}?" if near else f'a text stands in quotes: "{word}"'

    def expected(self, name: str = "") -> str:
        """Returns what the refusal of the unknown `name` says was expected: names with the same root, where there are any."""
        root = name.partition(".")[0] + "."
        shown = sorted(known for known in self.types if known.startswith(root)) or sorted(self.types)
        if not shown:
            return "no name: nothing can be read here"
        more = f" and {len(shown) - _SHOWN_MAX} more" if len(shown) > _SHOWN_MAX else ""
        return "one of " + ", ".join(shown[:_SHOWN_MAX]) + more


def names_of_schema(schema: Schema, features: Iterable[str] = ()) -> Names:
    """Returns ``event.`` names of a schema's fields and ``feature.`` names of `features`, which are doubles.

    Decimals are doubles in major units. The event's time is a timestamp. Ids of entities and of the user are strings, the
    event's own id is what the schema says.
    """
    types = {f"event.{schema.id_field}": Type.INT if schema.id_type == "integer" else Type.STRING}
    types[f"event.{schema.time_field}"] = Type.TIMESTAMP
    types |= {f"event.{name}": Type.STRING for name in (schema.user, *schema.entities)}
    types |= {f"event.{field.name}": _FIELD_TYPES[field.type] for field in schema.fields}
    return Names(types | {f"feature.{name}": Type.DOUBLE for name in features})
