"""Builds the API's application from its parts, which are all passed in."""

import contextlib
from collections.abc import AsyncIterator, Callable

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from alerts.alertmanager.silences import AlertmanagerSilences
from api.alerts.alert_routes import make_alert_routes
from api.asgi_entry import AsgiEntry, problem_of
from api.auth.access import Access
from api.auth.audit_routes import make_audit_routes
from api.auth.audited import Audited
from api.auth.authenticator import Authenticator
from api.auth.session_routes import make_session_routes
from api.auth.token_routes import make_token_routes
from api.cases.case_door import CaseDoor, CaseStores
from api.cases.case_routes import make_case_routes
from api.cases.case_verbs import make_case_verbs
from api.cases.export_door import ExportDoor
from api.cases.inbox_routes import make_inbox_routes
from api.cases.typology_routes import make_typology_routes
from api.cases.verdicts_door import VerdictsDoor
from api.console.console import Console
from api.console.sign_in import SigningIn
from api.decisions.decide import Decide
from api.decisions.match_events import make_match_route
from api.decisions.reads import make_reads, require_entity_type
from api.decisions.scores import Scores
from api.decisions.threshold_route import make_threshold_route
from api.decisions.waiting import Waiting
from api.decisions.why_route import make_why_route
from api.decisions.writes import make_writes
from api.definitions.bypass_routes import make_bypass_routes
from api.definitions.definition_routes import make_definition_routes
from api.definitions.in_force import InForce
from api.definitions.list_routes import make_list_routes
from api.definitions.publisher import Definitions
from api.entities.entity_memory import EntityMemory
from api.entities.note_routes import make_note_routes
from api.facts.fact_routes import make_fact_routes
from api.facts.told_facts import ToldFacts
from api.holds.hold_routes import make_hold_routes
from api.http.entity_paths import RawEntityPaths
from api.http.health import Health
from api.http.metrics import ApiMetrics
from api.http.parameter_fault import parameter_problem
from api.http.peer import read_peers
from api.http.problem import Problem, as_response
from api.http.query import require_known_query
from api.jobs.job_routes import Door, make_job_routes
from api.jobs.result_route import make_result_route
from api.kafka.log import Clock, Log, LogUnavailableError
from api.lists.entries import Entries
from api.models.comparing import ModelComparing
from api.models.drifting import Drifting
from api.models.model_routes import make_model_routes
from api.openapi import serve_openapi
from api.operations.health_routes import make_health
from api.operations.metric_routes import Asking, make_metric_routes
from api.patterns.backtest_door import BacktestDoor
from api.patterns.effect_routes import make_effect_routes
from api.patterns.pattern_routes import make_pattern_routes
from api.patterns.promotion_gate import Measuring
from api.patterns.remarks import Remarks
from api.patterns.writing_routes import make_writing_routes
from api.stream.stream import Stream
from api.stream.stream_route import make_stream_route
from api.verdicts.verdict_routes import make_verdict_routes
from api.webhooks.delivery_routes import make_delivery_routes
from api.webhooks.webhook_routes import WebhookStores, make_webhook_routes
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.comparison.newest_drift import DriftMeasure
from pipeline.comparison.unchanged import Unchanged
from pipeline.jobs.backtest_kind import BACKTEST
from pipeline.jobs.export_kind import EXPORT
from pipeline.jobs.result_folder import results_of
from pipeline.jobs.verdicts_kind import VERDICTS_OF_CASES
from stores.alerts import Alerts
from stores.decisions import Decisions, StoreUnavailableError
from stores.effects import Effects
from stores.holds import Holds
from stores.jobs import Jobs
from stores.metrics.metrics import Metrics
from stores.notes import Notes
from stores.snoozes import Snoozes
from stores.verdict_steps import VerdictSteps

Lifespan = Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]


def make_app(
    settings: Settings,
    access: Access,
    in_force: InForce,
    definitions: Definitions,
    decisions: Decisions,
    quick_decisions: Decisions,
    log: Log,
    quick_log: Log,
    waiting: Waiting,
    health: Health,
    clock: Clock,
    stream: Stream,
    entries: Entries,
    facts: ToldFacts,
    jobs: Jobs,
    effects: Effects,
    snoozes: Snoozes,
    webhooks: WebhookStores,
    alerts: Alerts,
    notes: Notes,
    holds: Holds,
    cases: CaseStores,
    steps: VerdictSteps,
    lifespan: Lifespan | None = None,
    metrics: Metrics | None = None,
    api_metrics: ApiMetrics | None = None,
) -> AsgiEntry:
    """The whole API as one ASGI application.

    Args:
        access: the tokens, the audit log and the identity provider.
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
        alerts: the store of alerts.
        notes: the store of notes on entities.
        holds: the store of holds of payments.
        cases: the stores of cases.
        steps: the store of what verdicts do.
        webhooks: the stores of webhooks and deliveries, and where messages may go.
        lifespan: starts parts before the first request and stops them after the last one.
        metrics: the store of event metrics; without it the route that queries it does not exist.
        api_metrics: the metrics of this process, which ``/metrics`` shows; by default new ones.
    """
    api_metrics = api_metrics or ApiMetrics()
    scores = Scores(in_force, quick_decisions, clock)
    decide = Decide(
        in_force, waiting, quick_log, settings.topic("events"), health, quick_decisions, api_metrics, clock, settings.deadline_ms
    )
    keeper = access.keeper(settings, clock)
    authenticator = Authenticator(access.verifiers(keeper, clock), api_metrics.count_rejected, clock)
    door = CaseDoor(cases, in_force, clock)
    unchanged = Unchanged(definitions.registry)
    measuring = Measuring(effects, definitions.registry, in_force, settings, jobs)
    remarks = Remarks(in_force, Asking(metrics).ask if metrics is not None else None, clock)
    doors: dict[str, Door] = {BACKTEST.name: BacktestDoor(definitions), EXPORT.name: ExportDoor(cases.inboxes)}
    doors[VERDICTS_OF_CASES.name] = VerdictsDoor(cases.inboxes, clock)
    routers = [
        make_fact_routes(facts, in_force, log, settings, clock),  # before the profile, whose id may hold slashes
        make_note_routes(notes, in_force, clock),
        make_reads(decisions, scores, in_force, clock, EntityMemory(facts, notes, door).recall),
        make_writes(in_force, decide, log, settings, clock),
        *([make_metric_routes(metrics, in_force, clock)] if metrics is not None else []),
        make_bypass_routes(definitions, in_force),
        make_definition_routes(definitions, in_force, entries),
        make_list_routes(definitions, in_force, entries),
        make_threshold_route(in_force, decisions),
        make_why_route(definitions.registry, in_force, decisions, settings.decisions_kept_days, clock),
        make_match_route(decisions, in_force),
        make_writing_routes(definitions, in_force),
        make_effect_routes(measuring, snoozes, alerts, in_force, clock),
        make_model_routes(
            definitions,
            in_force,
            ModelComparing(effects, unchanged, in_force, settings),
            Drifting(DriftMeasure(effects, unchanged), in_force),
        ),
        make_pattern_routes(definitions, in_force, measuring, remarks),
        make_stream_route(stream, in_force, require_entity_type),
        make_token_routes(access.tokens, authenticator, clock),
        make_session_routes(keeper),
        make_audit_routes(access.audit),
        make_job_routes(jobs, settings, clock, doors),
        make_result_route(jobs, results_of(settings), clock),
        make_alert_routes(alerts, AlertmanagerSilences(settings.alertmanager_url), clock),
        make_case_routes(door),
        make_case_verbs(door),
        make_inbox_routes(door),
        make_typology_routes(door),
        make_webhook_routes(webhooks, in_force, clock),
        make_delivery_routes(webhooks.deliveries),
        make_verdict_routes(door, steps),
        make_hold_routes(holds, webhooks.stored, webhooks.deliveries, clock),
        make_health(health, api_metrics, in_force, waiting, stream),
    ]
    app = FastAPI(
        title="Weir",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_url=None,
        dependencies=[Depends(require_known_query)],
        lifespan=lifespan or _nothing,
        routes=[route for router in routers for route in router.routes],
    )
    serve_openapi(app)
    for kind in (Problem, Refusal, LogUnavailableError, StoreUnavailableError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _answer_error)
    peers = read_peers(settings.trusted_proxies)
    # The audit log reads what a route noted in the scope that the route was given.
    behind_entry = RawEntityPaths(Audited(app, access.audit, clock))
    signing_in = SigningIn(keeper, access.audit, clock, access.provider_sign_in(settings, clock))
    return AsgiEntry(
        behind_entry,
        authenticator,
        decide.answer,
        scores.answer,
        api_metrics,
        peers,
        Console(behind_entry, authenticator, keeper, signing_in, peers, clock, problem_of),
    )


async def _answer_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        headers = [(name.encode(), value.encode()) for name, value in (error.headers or {}).items()]
        return as_response(Problem(error.status_code, str(error.detail), headers).answer())
    if isinstance(error, RequestValidationError):
        return as_response(parameter_problem(error.errors()[0]).answer())
    return as_response(problem_of(error).answer())


@contextlib.asynccontextmanager
async def _nothing(app: FastAPI) -> AsyncIterator[None]:
    yield
