"""A model of a release, as models.yaml defines it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import Keyed
from pipeline.engine.definitions.boosted_model import Boosted
from pipeline.engine.definitions.input_kernels import take_inputs
from pipeline.engine.definitions.model_labels import ALL_LABELS, ModelLabels


@dataclass(frozen=True, slots=True)
class Model:
    """One detector of a release.

    Args:
        name: unique within the release.
        model: name in the catalogue, such as ``anomaly.HalfSpaceTrees``; the kind of its snapshots.
        parameters: given to the detector as they stand.
        keyed: the detector, where it has a state for each entity of one kind; ``None`` for one global learner.
        kind: that kind of entity; empty for a global learner.
        labelled: learns from labels instead of from every event.
        inputs: ``event.<field>``, ``feature.<name>`` or ``model.<name>``, in order.
        publish_every_ms: of event time, between two snapshots.
        sample: share of events that the learner sees, by hash of the event id.
        definition: content hash of all of this and of the features it reads; a snapshot of another definition is not used.
        columns: where the inputs stand in a batch.
        own: where they stand in what the stage of another entity than the user knows of an event: words of its row, and features of its
            kind; ``None`` for others.
        cost_ns: of scoring an event, about, with its inputs at hand.
        shape: a Struct with one attribute an input, which encodes as an object by the inputs' names.
        labels: which labels teach it, and how much.
        approved_only: it learns from events that were approved alone, so that what is suspicious does not become normal.
        boosted: how its trees are fitted beside the stream; ``None`` for models that learn from each event or label as it comes.
        category: the text of the event that is its one input, as a hash; empty where inputs are numbers.
        of: the models whose raw scores are its inputs, all of which stand before it; none where inputs are of the event and features.
        challenges: the model of the policy's score in whose place it may be promoted; until then it is scored beside, and decides nothing.
            '' for a model that challenges none.
    """

    name: str
    model: str
    parameters: dict[str, object]
    keyed: Keyed | None
    kind: str
    labelled: bool
    inputs: tuple[str, ...]
    publish_every_ms: int
    sample: float
    definition: str
    columns: "InputColumns"
    own: "InputColumns | None"
    cost_ns: float
    shape: type[msgspec.Struct]
    labels: ModelLabels = ALL_LABELS
    approved_only: bool = False
    boosted: Boosted | None = None
    of: tuple[str, ...] = ()
    category: str = ""
    challenges: str = ""

    @property
    def section(self) -> str:
        """What the numbers of a detector are known by, in the profile of each of its entities."""
        return self.definition[:12]

    @property
    def said(self) -> int:
        """How many numbers a detector with a state for each entity says of an event: its score, and the shares of several inputs in it."""
        return 1 if len(self.inputs) == 1 else 1 + len(self.inputs)


class InputColumns:
    """Takes a model's inputs, in major units, out of a batch's numbers and features.

    Args:
        places: of each input whether it is a number of the event, its column among these or among features, and what it is divided by.
    """

    def __init__(self, places: Sequence[tuple[bool, int, float]]) -> None:
        self._are_numbers = np.array([is_number for is_number, _, _ in places], np.bool_)
        self._columns = np.array([column for _, column, _ in places], np.int64)
        self._divisors = np.array([divisor if is_number else 1.0 for is_number, _, divisor in places], np.float64)

    def take(self, numbers: NDArray[np.float64], features: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n, inputs] in the model's order; NaN where missing. Both arrays can be written."""
        out = np.empty((len(numbers), len(self._columns)))
        take_inputs(numbers, features, self._are_numbers, self._columns, self._divisors, out)
        return out


def object_shape(name: str, keys: Sequence[str]) -> type[msgspec.Struct]:
    """A Struct of positional values that encodes as an object with `keys`: a third of a dictionary's cost to make."""
    attributes = [f"field_{position}" for position in range(len(keys))]
    return msgspec.defstruct(
        name, [(attribute, Any) for attribute in attributes], rename=dict(zip(attributes, keys, strict=True)), gc=False
    )
