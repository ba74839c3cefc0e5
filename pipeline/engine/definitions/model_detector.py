"""The detector that a model of models.yaml names, with its parameters checked."""

from dataclasses import dataclass

from detectors.catalogue import KEYED, KEYED_OF_ROWS, LEARNERS, Keyed, load
from foundation.document import Section
from pipeline.engine.definitions.river_model import read_river


@dataclass(frozen=True, slots=True)
class Detector:
    """What gives a model its scores.

    Args:
        model: name in the catalogue; the kind of the model's snapshots.
        parameters: given to it as they stand.
        cost_ns: of scoring an event, about, with its inputs at hand.
        keyed: the detector itself, where it has a state for each entity of one kind.
    """

    model: str
    parameters: dict[str, object]
    cost_ns: float
    keyed: Keyed | None = None

    def __post_init__(self) -> None:
        load([self.model])  # while the release is compiled, because no event may wait for it


def detector_of(section: Section, keyed: bool, inputs: int) -> Detector:
    """Reads the detector that `model` names, or the pipeline of River that it describes.

    Raises:
        Refusal: with line and column, for what is unknown or out of range.
    """
    written = section.at("model")
    own = KEYED if keyed else LEARNERS
    if keyed or not (written.is_list() or written.is_mapping() or written.text() not in own):
        return detector_named(section, written.choice(sorted(own)), keyed, inputs)
    model, parameters, cost_ns = read_river(section, inputs)
    return Detector(model, parameters, LEARNERS[model](inputs, **parameters).cost_ns if model in LEARNERS else cost_ns)


def detector_named(section: Section, model: str, keyed: bool, inputs: int) -> Detector:
    """Reads the parameters of a detector of the catalogue, which must be its own.

    Raises:
        Refusal: with line and column, for what is unknown or out of range.
    """
    plain = section.at("parameters").plain() if section.has("parameters") else {}
    if not isinstance(plain, dict):
        section.at("parameters").refuse("wrong type", "a mapping of parameters")
    parameters = {str(name): value for name, value in plain.items()}
    try:
        if not keyed:
            return Detector(model, parameters, LEARNERS[model](inputs, **parameters).cost_ns)
        of_rows = {"inputs": inputs} if model in KEYED_OF_ROWS else {}
        detector = KEYED[model](**of_rows, **parameters)
        return Detector(model, parameters, detector.cost_ns, detector)
    except (TypeError, ValueError) as error:
        section.at("parameters").refuse("bad parameters", f"parameters of {model}", str(error))
