"""Windows in which events grow lighter with time."""

from features.definitions.definition_reader import Given
from features.definitions.template import Parameter
from features.definitions.window import DECAYED, Window

HALF_LIFE = Parameter("half_life", "the length of time after which an event is half as heavy; at least a 32nd of the schema's lateness")
_HALVINGS_MAX = 32


def decayed(given: Given) -> Window:
    """The window of a half-life. An event that comes late is put in with the weight it would have: 2**32 times its own at most."""
    half_life_ms = given.length_ms("half_life")
    least_ms = -(-given.schema.lateness_ms // _HALVINGS_MAX)
    if half_life_ms < least_ms:
        expected = f"at least {least_ms} ms, a {_HALVINGS_MAX}nd of lateness"
        given.section.at("half_life").refuse("half-life too short", expected, remedy="a longer one, or less lateness in the schema")
    return Window(DECAYED, half_life_ms)
