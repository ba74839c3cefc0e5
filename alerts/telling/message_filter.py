"""The filter of a webhook: a condition in the expression language, such as ``alert.loss > 100.0 && entity.country == "DE"``.

It is asked about each message that tells of an alert, over the alert as that message tells it. Names are checked when a webhook is made or
changed. An entity that the alert lacks is missing, as everywhere in the language; so a kind of entity that a later release no longer has
makes no filter invalid.
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from alerts.book.changes import Notice
from features.expressions.expression import Expression, compile_expression
from features.expressions.functions.column import Column, Value
from features.expressions.functions.types import Type
from features.expressions.names import Names
from foundation.place import Place
from foundation.refusal import Refusal
from stores.casework.alerts import Alert, AlertedEvent
from stores.casework.webhooks import FILTER_CHARACTERS_MAX, WEBHOOKS_MAX

ENTITY = "entity."
_READ_ENTITY = re.compile(r"\bentity\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)")
_NOTHING = AlertedEvent("", "", 0, "", None)

_OF_MESSAGE: Mapping[str, tuple[Type, Callable[[Notice], Value | None]]] = {
    "type": (Type.STRING, lambda notice: f"alert.{notice.what}"),
    "alert.name": (Type.STRING, lambda notice: notice.alert.name),
    "alert.severity": (Type.STRING, lambda notice: notice.alert.severity),
    "alert.state": (Type.STRING, lambda notice: notice.alert.state),
    "alert.events": (Type.INT, lambda notice: notice.alert.events),
    "alert.loss": (Type.DOUBLE, lambda notice: notice.alert.loss),
    "alert.risk": (Type.DOUBLE, lambda notice: notice.alert.risk),
    "alert.patterns": (Type.STRING, lambda notice: " ".join(notice.alert.patterns)),
    "decision.action": (Type.STRING, lambda notice: _newest(notice.alert).action or None),
    "decision.score": (Type.DOUBLE, lambda notice: _newest(notice.alert).score),
    "decision.user": (Type.STRING, lambda notice: _newest(notice.alert).user or None),
    "decision.event_id": (Type.STRING, lambda notice: _newest(notice.alert).event_id or None),
}
"""What a filter may read beside entities. The decision is the newest one of the alert."""


def require_filter(text: str, entities: Iterable[str]) -> None:
    """Checks the filter that a user asks for; an empty one is met by every message.

    Args:
        entities: the kinds of entities that there are, the user's among them.

    Raises:
        Refusal: it is too long, not in the language, reads an unknown name, or is no condition; names line and column.
    """
    if len(text) > FILTER_CHARACTERS_MAX:
        raise Refusal("filter too long", where="filter", expected=f"at most {FILTER_CHARACTERS_MAX} characters", got=len(text))
    if text.strip():
        _require_condition(_compiled(text, tuple(entities)))


class NoticeColumns:
    """Judges notices by filters, which often read the same of them.

    Args:
        notices: what is told of alerts.
    """

    def __init__(self, notices: Sequence[Notice]) -> None:
        self._notices = notices
        self._columns: dict[tuple[str, Type], Column] = {}

    def passing(self, text: str) -> NDArray[np.bool_]:
        """Returns for each notice whether the filter `text`, which was checked, lets it pass; [n], true for all if it is empty."""
        if not text.strip() or not self._notices:
            return np.ones(len(self._notices), dtype=np.bool_)
        expression = _stored(text)
        names = expression.names or {"type": Type.STRING}  # one that reads nothing, such as `true`, has to know how many there are
        return expression.over({name: self._column(name, type) for name, type in names.items()}).truths()

    def _column(self, name: str, type: Type) -> Column:
        if (name, type) not in self._columns:
            self._columns[name, type] = Column.of_values(type, [_value(notice, name) for notice in self._notices])
        return self._columns[name, type]


def _require_condition(expression: Expression) -> None:
    if expression.type is not Type.BOOL:
        expected = "a condition, such as alert.loss > 100.0"
        raise Refusal("not a condition", where="filter:1:1", expected=expected, got=f"a {expression.type.value}")


@functools.lru_cache(maxsize=WEBHOOKS_MAX)
def _stored(text: str) -> Expression:
    """A filter that was checked; whatever kind of entity it reads is one."""
    return _compiled(text, tuple(_READ_ENTITY.findall(text)))


def _compiled(text: str, entities: Sequence[str]) -> Expression:
    types = {name: type for name, (type, _) in _OF_MESSAGE.items()} | {ENTITY + kind: Type.STRING for kind in entities}
    return compile_expression(text, Names(types), Place("filter"))


def _value(notice: Notice, name: str) -> Value | None:
    if name.startswith(ENTITY):
        kind = name.removeprefix(ENTITY)
        return notice.alert.group.get(kind) or notice.alert.entities.get(kind)
    return _OF_MESSAGE[name][1](notice)


def _newest(alert: Alert) -> AlertedEvent:
    return alert.newest[0] if alert.newest else _NOTHING
