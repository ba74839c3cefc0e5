"""Every stage takes in control records by this function."""

from pipeline.control.definitions import ControlRecord, Definitions, key_text
from pipeline.wire.bodies import read_control_record
from pipeline.wire.bundle import Bundle


def take_control(bundle: Bundle, definitions: Definitions) -> None:
    """Gives the records of a control bundle to `definitions`."""
    definitions.take([_control_record(body, at) for body, at in zip(bundle.bodies, bundle.positions.tolist(), strict=True)])


def _control_record(body: memoryview, position: int) -> ControlRecord:
    topic, key, value = read_control_record(body)
    return topic, key_text(key), value, position
