"""Tells receivers what happened to cases, whoever did it: people through the API, or alerts that joined."""

from alerts.cases.case_messages import told_of
from stores.casework.cases import Cases
from stores.casework.webhooks import Webhooks
from stores.decisions import StoreUnavailableError
from stores.looking import CommitNumber, Looking, unknown

LOOK_MS = 500
"""News are looked for at most so often."""
TOLD_AT_ONCE = 500


class CaseTeller:
    """Makes messages of the entries of cases that nobody was told of. Its calls block; it is for one thread.

    Args:
        cases, webhooks: the stores.
        commits: tells whether there may be news in them.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the next call goes on.
    """

    def __init__(self, cases: Cases, webhooks: Webhooks, commits: CommitNumber = unknown) -> None:
        self._looking = Looking(commits)
        self._cases = cases
        self._webhooks = webhooks
        self._looked_at_ms = 0

    def tell(self, now_ms: int) -> int:
        """Tells what is new, at most `TOLD_AT_ONCE` entries each `LOOK_MS` of the clock `now_ms`; returns how many messages it wrote."""
        if abs(now_ms - self._looked_at_ms) < LOOK_MS or not self._looking.is_due():
            return 0
        self._looked_at_ms = now_ms
        try:
            return self._tell_news()
        except StoreUnavailableError:
            self._looking.failed()
            raise

    def _tell_news(self) -> int:
        news = self._cases.news(TOLD_AT_ONCE)
        if not news:
            return 0
        webhooks = self._webhooks.all()
        told = [told_of(each, webhooks) for each in news]
        wanted = [(message, ids) for message, ids in told if ids]
        self._cases.tell(news, wanted)
        return len(wanted)
