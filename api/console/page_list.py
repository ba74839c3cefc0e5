"""All pages of the console, in the order of the navigation."""

from api.console.audit_page import AUDIT
from api.console.case_page import CASE
from api.console.deliveries_page import DELIVERIES, DELIVERY
from api.console.entity_page import ENTITY
from api.console.live_page import LIVE
from api.console.page import Page
from api.console.quality_page import QUALITY
from api.console.queue_page import QUEUE
from api.console.system_page import SYSTEM

PAGES: tuple[Page, ...] = (
    QUEUE,
    CASE,
    ENTITY,
    LIVE,
    QUALITY,
    DELIVERIES,
    DELIVERY,
    AUDIT,
    SYSTEM,
)
