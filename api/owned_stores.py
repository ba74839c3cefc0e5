"""What a process of the API keeps in the relational store beside definitions, tokens and the audit log."""

from dataclasses import dataclass

from api.cases.case_door import CaseStores
from api.webhooks.webhook_routes import Vetting, WebhookStores
from stores.casework.alerts import Alerts
from stores.casework.holds import Holds
from stores.casework.notes import Notes
from stores.casework.snoozes import Snoozes
from stores.casework.verdict_steps import VerdictSteps
from stores.effects import Effects
from stores.jobs import Jobs
from stores.relational.casework.alerts import RelationalAlerts
from stores.relational.casework.cases import RelationalCases
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.holds import RelationalHolds
from stores.relational.casework.inboxes import RelationalInboxes
from stores.relational.casework.notes import RelationalNotes
from stores.relational.casework.snoozes import RelationalSnoozes
from stores.relational.casework.verdict_steps import RelationalVerdictSteps
from stores.relational.casework.verdicts import RelationalVerdicts
from stores.relational.casework.webhooks import RelationalWebhooks
from stores.relational.database import Database
from stores.relational.effects import RelationalEffects
from stores.relational.jobs import RelationalJobs
from stores.relational.trained_models import RelationalTrainedModels
from stores.trained_models import TrainedModels


@dataclass(frozen=True, kw_only=True)
class OwnedStores:
    """The stores of what people own and of what rules did.

    Args:
        jobs: the store of jobs.
        effects: the store of what rules did.
        snoozes: the store of snoozes of alerts.
        webhooks: the stores of webhooks and deliveries, and where messages may go.
        alerts: the store of alerts.
        notes: the store of notes on entities.
        holds: the store of holds of payments.
        cases: the stores of cases.
        steps: the store of what verdicts do.
        trained: the store of models that were trained beside the stream.
    """

    jobs: Jobs
    effects: Effects
    snoozes: Snoozes
    webhooks: WebhookStores
    alerts: Alerts
    notes: Notes
    holds: Holds
    cases: CaseStores
    steps: VerdictSteps
    trained: TrainedModels


def owned_stores_of(database: Database, vetting: Vetting) -> OwnedStores:
    """Returns the stores in a relational database; `vetting` says where messages may go."""
    alerts, holds = RelationalAlerts(database), RelationalHolds(database)
    return OwnedStores(
        jobs=RelationalJobs(database),
        effects=RelationalEffects(database),
        snoozes=RelationalSnoozes(database),
        webhooks=WebhookStores(RelationalWebhooks(database), RelationalDeliveries(database), vetting),
        alerts=alerts,
        notes=RelationalNotes(database),
        holds=holds,
        cases=CaseStores(RelationalCases(database), RelationalVerdicts(database), RelationalInboxes(database), alerts, holds),
        steps=RelationalVerdictSteps(database),
        trained=RelationalTrainedModels(database),
    )
