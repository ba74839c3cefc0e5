"""What a user says of cases: which alerts open them, who works on them, and what a verdict needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from alerts.verdicts.verdict_effects import LABELS_ALONE, VerdictPolicy
from patterns.severities import SEVERITIES
from stores.casework.alerts import Alert
from stores.casework.verdicts import VerdictWord

CLAIM_MS = 1_800_000
CLAIM_WITHIN_MS, DECIDE_WITHIN_MS = 3_600_000, 86_400_000
InputType = Literal["text", "number", "flag", "choice"]


@dataclass(frozen=True, slots=True)
class InboxDefinition:
    """Is an inbox: the cases of one team.

    Args:
        name, title: its name, and what it is in words.
        capacity: how many cases the team decides in a day; None where nobody said.
    """

    name: str
    title: str
    capacity: int | None


@dataclass(frozen=True, slots=True)
class VerdictInput:
    """Is something that a verdict has to say beside its reason.

    Args:
        name: of the input.
        type: of its value.
        options: the values that it may have, of a choice.
        verdicts: those that need it.
    """

    name: str
    type: InputType
    options: tuple[str, ...]
    verdicts: tuple[VerdictWord, ...]


@dataclass(frozen=True, slots=True)
class Typology:
    """Is one kind of fraud.

    Args:
        name, title: its name, unique in the file, and what it is in words.
        opens: whether alerts open its cases; people may open one of any typology.
        alerts: kinds of alerts that open its cases; empty for any that is grouped by `entity`.
        patterns: a rule of the alert is one of these; empty for any.
        severity_least: the alert is at least as severe; '' for any.
        entity: the kind of entity that its cases are about.
        inbox: where they go.
        claim_within_ms, decide_within_ms: how long after its opening a case should be claimed and decided.
        inputs: what verdicts need.
    """

    name: str
    title: str
    opens: bool
    alerts: tuple[str, ...]
    patterns: tuple[str, ...]
    severity_least: str
    entity: str
    inbox: str
    claim_within_ms: int = CLAIM_WITHIN_MS
    decide_within_ms: int = DECIDE_WITHIN_MS
    inputs: tuple[VerdictInput, ...] = ()

    def is_met_by(self, alert: Alert) -> bool:
        """Returns whether the alert opens or joins a case of this typology."""
        return (
            self.opens
            and self.entity in alert.group
            and (not self.alerts or alert.name in self.alerts)
            and (not self.patterns or any(pattern in self.patterns for pattern in alert.patterns))
            and (not self.severity_least or SEVERITIES.index(alert.severity) >= SEVERITIES.index(self.severity_least))
        )


@dataclass(frozen=True, slots=True)
class CasePolicy:
    """Is all of cases.yaml.

    Args:
        inboxes, typologies: in the order of the file; an alert belongs to the first typology that it meets.
        reasons: the taxonomy: reasons by verdict. A verdict of which it has none needs no reason.
        claim_ms: for how long a claim holds after its holder did something.
        effects: what verdicts do.
    """

    inboxes: tuple[InboxDefinition, ...] = ()
    typologies: tuple[Typology, ...] = ()
    reasons: Mapping[VerdictWord, tuple[str, ...]] = field(default_factory=dict)
    claim_ms: int = CLAIM_MS
    effects: VerdictPolicy = field(default_factory=lambda: LABELS_ALONE)

    def typology_of(self, alert: Alert) -> Typology | None:
        """Returns the typology whose cases the alert opens; None where it opens none."""
        return next((typology for typology in self.typologies if typology.is_met_by(alert)), None)

    def typology(self, name: str) -> Typology | None:
        """Returns the typology of that name."""
        return next((typology for typology in self.typologies if typology.name == name), None)

    def inbox(self, name: str) -> InboxDefinition | None:
        """Returns the inbox of that name."""
        return next((inbox for inbox in self.inboxes if inbox.name == name), None)

    @property
    def opens(self) -> bool:
        """Whether alerts open cases."""
        return any(typology.opens for typology in self.typologies)


NO_CASES = CasePolicy()
