"""A browser at the console of a solo system, which all tests of this folder share."""

import contextlib
import os
import pathlib
import shutil
import threading
from collections.abc import Iterator

import held_kinds
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from seeded_console import SeededConsole, start_console

from foundation.settings import Settings
from pipeline.jobs.worker import Worker
from stores.relational.database import Database
from stores.relational.jobs import RelationalJobs
from stores.relational.place import place_of

CHROMIUM = "/usr/bin/chromium"
WAIT_MS = 20_000


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeededConsole]:
    """A system with three cases."""
    with start_console(tmp_path_factory.mktemp("console")) as system:
        seeded = SeededConsole(system)
        for number in range(3):
            seeded.take_over(f"customer-{number}", 600.0 + 50 * number)
        seeded.cases(3)
        with worker_of(system.settings):
            yield seeded


@contextlib.contextmanager
def worker_of(settings: Settings) -> Iterator[None]:
    """A worker, which a system in a process has not: jobs are processes of their own. A test can hold its backtests (`held_kinds`)."""
    jobs = RelationalJobs(Database(place_of(settings)))
    doing = Worker(settings, jobs, held_kinds.KINDS, held_kinds.__name__)
    thread = threading.Thread(target=doing.run, daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(pathlib.Path(held_kinds.__file__).parent))
        thread.start()
        yield
        doing.stop()
        thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    if not shutil.which(CHROMIUM):
        pytest.skip(f"no browser: {CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        with playwright.chromium.launch(executable_path=CHROMIUM, args=arguments) as launched:
            yield launched


@pytest.fixture(scope="module")
def signed_in(browser: Browser, console: SeededConsole) -> Iterator[BrowserContext]:
    """The owner, signed in by a link."""
    context = browser.new_context(viewport={"width": 1366, "height": 820}, locale="en-GB", timezone_id="Europe/Berlin")
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(console.link())
    page.wait_for_url("**/queue")
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(signed_in: BrowserContext) -> Iterator[Page]:
    """A page of the owner's; a fault of a script, or something that the policy of the page keeps out, fails the test."""
    opened = signed_in.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None)
    yield opened
    opened.close()
    assert faults == []


@pytest.fixture
def pictures() -> pathlib.Path | None:
    """Where pictures of pages go, if somebody wants to look at them."""
    folder = os.environ.get("WEIR_PICTURES")
    return pathlib.Path(folder) if folder else None
