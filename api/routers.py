"""The routes of the API, street by street, made from its parts."""

from fastapi import APIRouter

from alerts.alertmanager.silences import AlertmanagerSilences
from api.alerts.alert_routes import make_alert_routes
from api.auth.audit_routes import make_audit_routes
from api.auth.authenticator import Authenticator
from api.auth.session_routes import make_session_routes
from api.auth.sessions import SessionKeeper
from api.auth.token_routes import make_token_routes
from api.cases.case_door import CaseDoor
from api.cases.case_routes import make_case_routes
from api.cases.case_verbs import make_case_verbs
from api.cases.export_door import ExportDoor
from api.cases.inbox_routes import make_inbox_routes
from api.cases.typology_routes import make_typology_routes
from api.cases.verdicts_door import VerdictsDoor
from api.decisions.decide import Decide
from api.decisions.match_events import make_match_route
from api.decisions.reads import make_reads, require_entity_type
from api.decisions.scores import Scores
from api.decisions.threshold_route import make_threshold_route
from api.decisions.why_route import make_why_route
from api.decisions.writes import make_writes
from api.definitions.bypass_routes import make_bypass_routes
from api.definitions.definition_routes import make_definition_routes
from api.definitions.list_routes import make_list_routes
from api.entities.entity_memory import EntityMemory
from api.entities.note_routes import make_note_routes
from api.facts.fact_routes import make_fact_routes
from api.holds.hold_routes import make_hold_routes
from api.jobs.job_routes import Door, make_job_routes
from api.jobs.result_route import make_result_route
from api.models.comparing import ModelComparing
from api.models.model_routes import make_model_routes
from api.models.weighing import Weighing
from api.operations.health_routes import make_health
from api.operations.metric_routes import Asking, make_metric_routes
from api.parts import Parts
from api.patterns.backtest_door import BacktestDoor
from api.patterns.effect_routes import make_effect_routes
from api.patterns.pattern_routes import make_pattern_routes
from api.patterns.promotion_gate import Measuring
from api.patterns.remarks import Remarks
from api.patterns.writing_routes import make_writing_routes
from api.stream.case_changes import CaseChanges
from api.stream.stream_route import make_case_stream_route, make_stream_route
from api.verdicts.verdict_routes import make_verdict_routes
from api.webhooks.delivery_routes import make_delivery_routes
from api.webhooks.webhook_routes import make_webhook_routes
from pipeline.comparison.unchanged import Unchanged
from pipeline.jobs.backtest_kind import BACKTEST
from pipeline.jobs.export_kind import EXPORT
from pipeline.jobs.result_folder import results_of
from pipeline.jobs.verdicts_kind import VERDICTS_OF_CASES


def make_routers(parts: Parts, authenticator: Authenticator, keeper: SessionKeeper, decide: Decide, scores: Scores) -> list[APIRouter]:
    """Returns the routers of all streets in the order in which a path is looked up in them.

    Args:
        decide: answers events that wait for their decision.
        scores: answers reads of an entity's newest score.
    """
    return [
        *_of_events(parts, decide, scores),
        *_of_definitions(parts),
        *_of_people(parts, authenticator, keeper),
        *_of_jobs(parts),
        *_of_casework(parts),
        make_health(parts.health, parts.api_metrics, parts.in_force, parts.waiting, parts.stream),
    ]


def _of_events(parts: Parts, decide: Decide, scores: Scores) -> list[APIRouter]:
    """Events, facts, decisions, and what is read of them."""
    in_force, clock = parts.in_force, parts.clock
    memory = EntityMemory(parts.facts, parts.stores.notes, _door(parts))
    return [
        make_fact_routes(parts.facts, in_force, parts.log, parts.settings, clock),  # before the profile, whose id may hold slashes
        make_note_routes(parts.stores.notes, in_force, clock),
        make_reads(parts.decisions, scores, in_force, clock, memory.recall),
        make_writes(in_force, decide, parts.log, parts.settings, clock),
        *([make_metric_routes(parts.metrics, in_force, clock)] if parts.metrics is not None else []),
        make_threshold_route(in_force, parts.decisions),
        make_why_route(parts.definitions.registry, in_force, parts.decisions, parts.settings.decisions_kept_days, clock),
        make_match_route(parts.decisions, in_force),
        make_stream_route(parts.stream, in_force, require_entity_type),
        make_case_stream_route(CaseChanges(parts.stores.cases.cases.newest_change)),
    ]


def _of_definitions(parts: Parts) -> list[APIRouter]:
    """What is defined: features, models, policy, lists and rules."""
    definitions, in_force = parts.definitions, parts.in_force
    unchanged = Unchanged(definitions.registry)
    measuring = Measuring(parts.stores.effects, definitions.registry, in_force, parts.settings, parts.stores.jobs)
    remarks = Remarks(in_force, Asking(parts.metrics).ask if parts.metrics is not None else None, parts.clock)
    comparing = ModelComparing(parts.stores.effects, unchanged, in_force, parts.settings)
    return [
        make_bypass_routes(definitions, in_force),
        make_definition_routes(definitions, in_force, parts.entries),
        make_list_routes(definitions, in_force, parts.entries),
        make_writing_routes(definitions, in_force),
        make_effect_routes(measuring, parts.stores.snoozes, parts.stores.alerts, in_force, parts.clock),
        make_model_routes(
            definitions,
            in_force,
            comparing,
            parts.drifting,
            Weighing(parts.stores.effects, parts.stores.trained, unchanged, in_force),
        ),
        make_pattern_routes(definitions, in_force, measuring, remarks),
    ]


def _of_people(parts: Parts, authenticator: Authenticator, keeper: SessionKeeper) -> list[APIRouter]:
    """Who may do what, and who did."""
    return [
        make_token_routes(parts.access.tokens, authenticator, parts.clock),
        make_session_routes(keeper),
        make_audit_routes(parts.access.audit),
    ]


def _of_jobs(parts: Parts) -> list[APIRouter]:
    """Long work, and its results."""
    doors: dict[str, Door] = {
        BACKTEST.name: BacktestDoor(parts.definitions),
        EXPORT.name: ExportDoor(parts.stores.cases.inboxes),
        VERDICTS_OF_CASES.name: VerdictsDoor(parts.stores.cases.inboxes, parts.clock),
    }
    return [
        make_job_routes(parts.stores.jobs, parts.settings, parts.clock, doors),
        make_result_route(parts.stores.jobs, results_of(parts.settings), parts.clock),
    ]


def _of_casework(parts: Parts) -> list[APIRouter]:
    """Alerts, cases, verdicts and holds, and who is told of them."""
    clock, webhooks, door = parts.clock, parts.stores.webhooks, _door(parts)
    return [
        make_alert_routes(parts.stores.alerts, AlertmanagerSilences(parts.settings.alertmanager_url), clock),
        make_case_routes(door),
        make_case_verbs(door),
        make_inbox_routes(door),
        make_typology_routes(door),
        make_webhook_routes(webhooks, parts.in_force, clock),
        make_delivery_routes(webhooks.deliveries),
        make_verdict_routes(door, parts.stores.steps),
        make_hold_routes(parts.stores.holds, webhooks.stored, webhooks.deliveries, clock),
    ]


def _door(parts: Parts) -> CaseDoor:
    return CaseDoor(parts.stores.cases, parts.in_force, parts.clock)
