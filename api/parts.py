"""The parts that the API's application is built from."""

from dataclasses import dataclass, field

from api.auth.access import Access
from api.cases.case_door import CaseStores
from api.decisions.waiting import Waiting
from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.facts.told_facts import ToldFacts
from api.http.health import Health
from api.http.metrics import ApiMetrics
from api.kafka.log import Clock, Log
from api.lists.entries import Entries
from api.stream.stream import Stream
from api.webhooks.webhook_routes import WebhookStores
from foundation.settings import Settings
from stores.casework.alerts import Alerts
from stores.casework.holds import Holds
from stores.casework.notes import Notes
from stores.casework.snoozes import Snoozes
from stores.casework.verdict_steps import VerdictSteps
from stores.decisions import Decisions
from stores.effects import Effects
from stores.jobs import Jobs
from stores.metrics.metrics import Metrics
from stores.trained_models import TrainedModels


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the routes of one API process work with.

    Args:
        access: the tokens, the audit log and the identity provider.
        in_force: the release that decides now.
        definitions: publishes releases.
        decisions: the store of decisions, read by pages in threads.
        quick_decisions: the same store, read by single rows on the event loop; it has its own connection, so that no page delays it.
        log: writes records whose caller is answered once every replica has them.
        quick_log: writes events whose caller waits for the decision.
        waiting: the decisions in flight.
        health: the health of each part that the API depends on.
        clock: seconds since the epoch.
        stream: the stream of decisions.
        entries: the entries of lists.
        facts: what was told of entities.
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
        metrics: the store of event metrics; without it the route that queries it does not exist.
        api_metrics: the metrics of this process, which ``/metrics`` shows.
    """

    settings: Settings
    access: Access
    in_force: InForce
    definitions: Definitions
    decisions: Decisions
    quick_decisions: Decisions
    log: Log
    quick_log: Log
    waiting: Waiting
    health: Health
    clock: Clock
    stream: Stream
    entries: Entries
    facts: ToldFacts
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
    metrics: Metrics | None = None
    api_metrics: ApiMetrics = field(default_factory=ApiMetrics)
