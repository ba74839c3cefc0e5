"""How long a browser waits for the first paint of each page of the console, and what the server spends on it.

A solo system with the configuration of the demo has 10,000 cases, 100,000 alerts and 100,000 decisions, and then 15, 100 and 1,000 rules
with what was counted of them. Chromium opens each page in turn with the yardstick, the page of signing in, which reads no store; files of
the console are kept by the browser. The first paint is the browser's first contentful one; CPU is that of the process of the system, in
which nothing else is done meanwhile.

python tests/benchmarks/console_pages.py [pages|rules [FOLDER, which is kept, so that the next run need not fill it]]
"""
# ruff: noqa: E402 - what tests use is found once the path knows their folders

import os
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence

TESTS = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "tools"), str(TESTS / "api")]

from many_cases import Named, decide, fill, id_of
from many_rules import count_matches, texts_of
from playwright.sync_api import Page, sync_playwright
from seeded_console import SeededConsole, start_console

from pipeline.sinks.decision_store import open_decisions
from stores.relational.database import Database
from stores.relational.place import SqlitePlace
from stores.sqlite.sqlite_decisions import SqliteDecisions
from weir.testing import System

ROUNDS, DECISIONS = 8, 100_000
PAINT_BAR_MS = 400.0
YARDSTICK, FILLED = "/sign-in", "filled"
NAMED = Named("customer_id", "device_id", "terminal_id", "card_attack", "card_attacked")
RULES = (15, 100, 1_000)
_TIMES = """() => new Promise(done => {
  const told = paint => {
    const [way] = performance.getEntriesByType("navigation");
    done([paint.startTime, way.responseStart]);
  };
  new PerformanceObserver((list, self) => {
    const [paint] = list.getEntriesByName("first-contentful-paint");
    if (paint) { self.disconnect(); told(paint); }
  }).observe({type: "paint", buffered: true});
})"""


def look(page: Page, address: str) -> tuple[float, float, float]:
    """Opens a page: its first paint and first byte in ms since the browser set out for it, and the CPU of this process in ms."""
    spent = time.process_time()
    answer = page.goto(address, wait_until="load")
    assert answer is not None, address
    assert answer.status == 200, f"{address}: {answer.status}"
    spent_ms = (time.process_time() - spent) * 1_000
    paint_ms, byte_ms = page.evaluate(_TIMES)
    return paint_ms, byte_ms, spent_ms


def measure(page: Page, address: str, paths: Sequence[str]) -> bool:
    """Prints what each page takes; whether all are painted within their bar."""
    for path in paths:
        look(page, address + path)
    found: dict[str, list[tuple[float, float, float]]] = {path: [] for path in paths}
    for _ in range(ROUNDS):
        for path in paths:
            found[path].append(look(page, address + path))
    is_good = True
    print(f"  {'page':<44} first paint: median (least)  first byte   CPU")
    for path, looks in found.items():
        paints, bytes_, spent = (statistics.median(each) for each in zip(*looks, strict=True))
        least = min(paint for paint, _, _ in looks)
        missed = "" if paints <= PAINT_BAR_MS else f"  beyond {PAINT_BAR_MS:.0f} ms"
        is_good &= not missed
        print(f"  {path[:44]:<44} {paints:12.0f} ms ({least:5.0f})  {bytes_:10.0f} ms  {spent:6.1f} ms{missed}")
    return is_good


def filled(folder: pathlib.Path) -> None:
    """Gives the system in `folder` its cases and decisions, which say what a decision of the system does, unless it has them."""
    if (folder / FILLED).exists():
        return
    with start_console(folder) as system:
        console = SeededConsole(system)
        console.take_over("somebody")
        like = system.decision(console.payments)
        now_ms = system.now_ms
    fill(Database(SqlitePlace(folder / "weir.db")), now_ms, NAMED)
    decisions = open_decisions(system.settings)
    assert isinstance(decisions, SqliteDecisions)
    decide(decisions, DECISIONS, now_ms, NAMED, like)
    decisions.close()
    (folder / FILLED).touch()


def pages_beside_many_cases(page: Page, console: SeededConsole) -> bool:
    """Each page of the navigation and each kind that is reached from them, beside many cases and decisions."""
    opened = ["/queue", f"/cases/{id_of(3)}", f"/cases/{id_of(1)}", "/entities/customer_id/c3", "/live", "/rules", "/rules/velocity"]
    opened += ["/lists", "/lists/blocked_devices", "/models", "/models/named/own_amount", "/models/drift", "/features", "/quality"]
    return measure(page, console.address, [YARDSTICK, *opened, "/deliveries", "/audit", "/system"])


def pages_of_many_rules(page: Page, console: SeededConsole) -> bool:
    """The list of rules by each way to sort and to search it, and the page of a rule, of ever more rules."""
    system, is_good = console.system, True
    for count in RULES:
        texts = texts_of(count - 15)
        if texts:
            system.client.patterns.upload(texts)
        ids = [rule.id for rule in system.client.patterns.all().patterns]
        count_matches(database_of(system), ids, system.client.patterns.all().release, system.now_ms)
        print(f"{len(ids)} rules")
        is_good &= measure(page, console.address, [YARDSTICK, "/rules", "/rules?sort=matches", "/rules?q=velocity", "/rules/velocity"])
    return is_good


def database_of(system: System) -> Database:
    """The relational store of the system."""
    return Database(SqlitePlace(system.settings.path("weir.db")))


def run(kind: str, folder: pathlib.Path) -> bool:
    """Fills a system and measures; whether each page is painted within its bar."""
    if kind == "pages":
        filled(folder)
    with start_console(folder) as system, sync_playwright() as playwright:
        console = SeededConsole(system)
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        with playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments) as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(console.link())
            page.wait_for_url("**/queue")
            print(f"{kind}: {ROUNDS} rounds, load {os.getloadavg()[0]:.1f}")
            return (pages_of_many_rules if kind == "rules" else pages_beside_many_cases)(page, console)


def main(kind: str, *kept: str) -> bool:
    """One run of `kind`, in a folder that is kept where one is named, and else removed."""
    with tempfile.TemporaryDirectory() as folder:
        return run(kind, pathlib.Path(*kept or [folder]))


if __name__ == "__main__":
    kind, *kept = sys.argv[1:] or [""]
    results = [main(each, *kept) for each in ([kind] if kind else ("pages", "rules"))]
    sys.exit(0 if all(results) else 1)
