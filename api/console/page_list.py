"""All pages of the console, in the order of the navigation."""

from api.console.page import Page
from api.console.queue_page import QUEUE

PAGES: tuple[Page, ...] = (QUEUE,)
