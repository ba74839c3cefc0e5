"""All pages of the console, in the order of the navigation."""

from api.console.page import Page
from api.console.pages.audit import AUDIT
from api.console.pages.case import CASE
from api.console.pages.deliveries import DELIVERIES, DELIVERY
from api.console.pages.entity import ENTITY
from api.console.pages.features import FEATURE, FEATURES
from api.console.pages.lists import LIST, LISTS
from api.console.pages.live import LIVE
from api.console.pages.model import MODEL
from api.console.pages.models import DRIFT, MODELS
from api.console.pages.quality import QUALITY
from api.console.pages.queue import QUEUE
from api.console.pages.rule import RULE
from api.console.pages.rules import RULES
from api.console.pages.system import SYSTEM

PAGES: tuple[Page, ...] = (
    QUEUE,
    CASE,
    ENTITY,
    LIVE,
    RULES,
    RULE,
    LISTS,
    LIST,
    MODELS,
    DRIFT,
    MODEL,
    FEATURES,
    FEATURE,
    QUALITY,
    DELIVERIES,
    DELIVERY,
    AUDIT,
    SYSTEM,
)
