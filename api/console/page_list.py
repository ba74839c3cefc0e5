"""All pages of the console, in the order of the navigation."""

from api.console.audit_page import AUDIT
from api.console.case_page import CASE
from api.console.deliveries_page import DELIVERIES, DELIVERY
from api.console.entity_page import ENTITY
from api.console.features_page import FEATURE, FEATURES
from api.console.lists_page import LIST, LISTS
from api.console.live_page import LIVE
from api.console.model_page import MODEL
from api.console.models_page import DRIFT, MODELS
from api.console.page import Page
from api.console.quality_page import QUALITY
from api.console.queue_page import QUEUE
from api.console.rule_page import RULE
from api.console.rules_page import RULES
from api.console.system_page import SYSTEM

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
