"""The parts that the API's application is built from."""

from dataclasses import dataclass, field

from api.auth.access import Access
from api.decisions.waiting import Waiting
from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.facts.told_facts import ToldFacts
from api.http.health import Health
from api.http.metrics import ApiMetrics
from api.kafka.log import Clock, Log
from api.lists.entries import Entries
from api.models.drifting import Drifting
from api.owned_stores import OwnedStores
from api.stream.stream import Stream
from foundation.settings import Settings
from stores.decisions import Decisions
from stores.metrics.metrics import Metrics


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
        stores: what people own, and what rules did.
        drifting: measures the drift of models.
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
    stores: OwnedStores
    drifting: Drifting
    metrics: Metrics | None = None
    api_metrics: ApiMetrics = field(default_factory=ApiMetrics)
