"""Reads windows in which the weight of events decays with time."""

from features.definitions.definition_reader import DefinitionReader
from features.definitions.template import Parameter
from features.definitions.window import DECAYED, Window

HALF_LIFE = Parameter("half_life", "the length of time after which an event counts half; at least a 32nd of the schema's lateness")
_HALVINGS_MAX = 32


def decayed(reader: DefinitionReader) -> Window:
    """Returns the window of a half-life.

    A late event gets the weight that it would have had on time; the newest event weighs at most 2**32 times as much.
    """
    half_life_ms = reader.length_ms("half_life")
    least_ms = -(-reader.schema.lateness_ms // _HALVINGS_MAX)
    if half_life_ms < least_ms:
        expected = f"at least {least_ms} ms, a {_HALVINGS_MAX}nd of lateness"
        remedy = "take a longer half-life, or lower lateness in the schema"
        reader.section.at("half_life").refuse("half-life too short", expected, remedy=remedy)
    return Window(DECAYED, half_life_ms)
