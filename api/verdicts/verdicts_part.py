"""Puts together what carries verdicts out in a process of the API."""

import os
import secrets
import socket
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from alerts.verdicts.verdict_effects import VerdictPolicy
from alerts.webhooks.tenure import Tenure
from api.cases.case_door import CaseStores
from api.definitions.in_force import InForce
from api.facts.told_facts import ToldFacts
from api.kafka.log import Clock, Log
from api.lists.entries import Entries
from api.verdicts.carrying_out import CarryingOutVerdicts
from api.verdicts.step_doing import StepDoing, StepStores
from foundation.settings import Settings
from stores.audit import Audit
from stores.casework.verdicts import Verdict
from stores.decisions import Decisions
from stores.looking import CommitNumber
from stores.relational.casework.holds import RelationalHolds
from stores.relational.casework.verdict_steps import RelationalVerdictSteps
from stores.relational.casework.webhooks import RelationalWebhooks
from stores.relational.database import Database
from stores.relational.leases import RelationalLeases

LEASE = "verdicts"


class Changing(NamedTuple):
    """Holds what verdicts change beside the relational store."""

    log: Log
    entries: Entries
    facts: ToldFacts


class _Entities(msgspec.Struct):
    entities: dict[str, str | None] = {}


def carrying_out_of(
    settings: Settings,
    database: Database,
    cases: CaseStores,
    decisions: Decisions,
    changing: Changing,
    in_force: InForce,
    audit: Audit,
    clock: Clock,
    commits: CommitNumber,
) -> CarryingOutVerdicts:
    """What carries out the verdicts in `database`; `commits` is the number of commits to it."""
    steps, webhooks = RelationalVerdictSteps(database), RelationalWebhooks(database)
    stores = StepStores(steps, cases.cases, RelationalHolds(database), webhooks, cases.alerts)
    topics = {name: settings.topic(name) for name in ("labels", "facts")}
    doing = StepDoing(stores, changing.log, topics, changing.entries, changing.facts, in_force, clock)
    tenure = Tenure(RelationalLeases(database), LEASE, f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}")

    def policy() -> VerdictPolicy | None:
        return None if in_force.release is None else in_force.release.cases.effects

    def entities_of(verdict: Verdict) -> Sequence[tuple[str, str]]:
        own = (verdict.entity_kind, verdict.entity_id)
        if not verdict.event_id:
            case = cases.cases.get(verdict.case_id)
            return (own, *(case.entities if case is not None else ()))
        user = "" if in_force.release is None else in_force.release.schema.user
        return (own, (user, verdict.user), *_entities_in(decisions, verdict))

    return CarryingOutVerdicts(cases.verdicts, steps, doing, entities_of, webhooks, policy, audit, tenure, clock, commits)


def _entities_in(decisions: Decisions, verdict: Verdict) -> Sequence[tuple[str, str]]:
    """What the event of a verdict touches, as its decision says; nothing where the decision is forgotten."""
    found = decisions.get(verdict.event_id, verdict.user)
    named = msgspec.json.decode(found[0].value, type=_Entities).entities if found else {}
    return [(kind, id) for kind, id in named.items() if id]
