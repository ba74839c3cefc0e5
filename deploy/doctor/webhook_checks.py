"""Whether messages reach the receivers of the running system."""

import contextlib

from deploy.machine.ports import is_open
from foundation.refusal import Refusal
from foundation.settings import Settings
from stores.decisions import StoreUnavailableError


def webhook_problem(settings: Settings, now_ms: int) -> str:
    """Empty where they do, where the system does not run here, or where its database does not answer, which another check says."""
    if not is_open(settings.api_port):
        return ""
    from alerts.webhooks.troubles import webhook_troubles
    from stores.relational.casework.deliveries import RelationalDeliveries
    from stores.relational.casework.webhooks import RelationalWebhooks
    from stores.relational.database import Database
    from stores.relational.place import place_of

    try:
        with contextlib.closing(Database(place_of(settings), owner=False)) as database:
            found = webhook_troubles(RelationalWebhooks(database), RelationalDeliveries(database), now_ms)
    except (Refusal, StoreUnavailableError):
        return ""
    return "; ".join(f"webhook {one.webhook.id}: {one.why}; mend its receiver, then enable it with PUT /v1/webhooks" for one in found)
