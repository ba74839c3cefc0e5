"""Parameters, and reasons against windows, that several templates share."""

from features.definitions.template import Parameter

NUMBER_VALUE = Parameter("value", "what is looked at: a numeric field, event.x, or an expression over event.* that gives a number")
ANY_VALUE = Parameter("value", "what is looked at: a field or an id, event.x, or an expression over event.* that gives a number or a text")
MAYBE_VALUE = Parameter("value", "counts only events that have it: a field, event.x, or an expression over event.*", "")
WHERE = Parameter("where", "an expression over event.*: only events for which it is true count", "")
ENTITY = Parameter("entity", "whose events: the user, a further entity, or a pair [a, b]", "the user")
WINDOW = Parameter("window", "over which events: 24h, {length: 7d, delay: 7d}, {calendar: day}, {session: 30m}, {last: 20} or unbounded")
CURRENT = Parameter("include_current", "whether the event itself counts", "true")
ZONE = Parameter("zone", "an IANA zone such as Europe/Paris", "UTC")

AGGREGATE = (NUMBER_VALUE, ENTITY, WINDOW, WHERE, CURRENT)
"""The parameters of a statistic of numbers."""

NO_DELAY = {"delay": "only counts, sums, means, extremes, rates and labels can be as of an earlier time"}
"""Why a window may not end before the event: other state of a window follows only the newest event."""

COMPARED = {"delay": "it compares the event with those just before it, and a delay leaves these out"}

NO_VALUES_FOR_EVER = {"unbounded": "it would keep every value for ever; take a window of the retention, such as 40d"}
"""Why a feature that keeps each value needs a window that ends."""
