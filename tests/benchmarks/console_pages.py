"""How long pages of the console take with 10,000 cases and 1,000 rules: on the server, and until a browser paints them.

Cases and their alerts are written into the database of a solo system as `tests/benchmarks/cases.py` does; the case that is looked at is
opened by payments, so that it has its decisions. Pages are asked for in turn with the yardstick, the page of signing in, which reads no
store. CPU is that of the process with the whole system. The browser is Debian's chromium; its files are those that it has kept.

python tests/benchmarks/console_pages.py [rounds]
"""
# ruff: noqa: E402 - what tests use is found once the path knows their folders

import contextlib
import os
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator

TESTS = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "tools"), str(TESTS / "api"), str(TESTS / "benchmarks")]

import cases as casework
import httpx
from playwright.sync_api import Page, sync_playwright
from seeded_console import SeededConsole, start_console

from stores.relational.database import Database
from stores.relational.place import place_of

RULES, CHROMIUM = 1_000, "/usr/bin/chromium"
YARDSTICK = "/sign-in"
BARS_MS = {"/queue": 50, "/cases": 100, "/rules": 100}
PAINT_BAR_MS, KEY_BAR_MS = 400, 100
RULE = """title: Payments of {number} or more in the shop {number}
owner: team-{team}
severity: low
status: shadow
when: event.amount > {number}.0 && event.merchant_category == "shop{number}"
then: {{action: review}}
"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
PARTS = """(() => {
const [page] = performance.getEntriesByType('navigation'); const files = performance.getEntriesByType('resource');
const fetched = files.filter(file => file.transferSize > 0);
return [page.responseStart, page.responseEnd, page.domContentLoadedEventEnd, fetched.length, files.length]; })()"""
KEYS = """window.slowest = 0; new PerformanceObserver(found => { for (const each of found.getEntries())
window.slowest = Math.max(window.slowest, each.duration); }).observe({type: 'event', durationThreshold: 16});"""


@contextlib.contextmanager
def filled() -> Iterator[SeededConsole]:
    """A system with the cases, one of which is of payments, and the rules."""
    with tempfile.TemporaryDirectory() as folder, start_console(pathlib.Path(folder) / "system") as system:
        console = SeededConsole(system)
        console.take_over("customer-1", 1_000_000.0)  # so that it is the first of the queue
        console.cases(1)
        with contextlib.closing(Database(place_of(system.settings))) as database:
            casework.fill(database)
        rules = {f"patterns/rule_{number:04d}": RULE.format(number=number, team=number % 9) for number in range(RULES)}
        system.client.put(rules)
        yield console


def paths_of(console: SeededConsole) -> list[str]:
    """The pages that are measured, the yardstick first."""
    case = next(one for one in console.system.client.cases.page(["open"]).cases if one.entity["id"] == "customer-1")
    rules = ("/rules", "/rules?sort=matches", "/rules?q=shop+777", "/rules?status=shadow&page=20")
    return [YARDSTICK, "/queue", "/queue?state=open&typology=card_attack", f"/cases/{case.id}", f"/cases/{casework.case(1).id}", *rules]


def on_the_server(console: SeededConsole, paths: list[str], cookies: dict[str, str], rounds: int) -> None:
    """Prints wall time and CPU of each page, the median and the greatest."""
    with httpx.Client(base_url=console.address, cookies=cookies, timeout=60) as client:
        took: dict[str, list[tuple[float, float]]] = {path: [] for path in paths}
        for _ in range(rounds):
            for path in paths:
                began, spent = time.perf_counter(), time.process_time()
                answer = client.get(path)
                assert answer.status_code == 200, (path, answer.status_code)
                took[path].append(((time.perf_counter() - began) * 1e3, (time.process_time() - spent) * 1e3))
        for path, found in took.items():
            wall, cpu = ([each[at] for each in found] for at in (0, 1))
            bar = next((f", bar {ms}" for beginning, ms in BARS_MS.items() if path.startswith(beginning)), "")
            print(f"{path[:48]:<50} {statistics.median(wall):7.1f} ms (greatest {max(wall):.0f}{bar}), CPU {statistics.median(cpu):.1f} ms")


def in_the_browser(page: Page, console: SeededConsole, paths: list[str], rounds: int) -> None:
    """Prints until when a browser has painted each page, and what it waited for."""
    for path in paths:
        found = []
        for _ in range(rounds + 1):
            page.goto(console.address + path, wait_until="load")
            page.wait_for_function(PAINT)
            found.append([page.evaluate(PAINT), *page.evaluate(PARTS)])
        del found[0]  # the one that fetches files
        paint, first, last, ready, fetched, files = (statistics.median(column) for column in zip(*found, strict=True))
        print(
            f"{path[:48]:<50} painted after {paint:5.0f} ms (greatest {max(each[0] for each in found):.0f}; bar {PAINT_BAR_MS}): "
            f"first byte {first:.0f}, last {last:.0f}, scripts done {ready:.0f}; {fetched:.0f} of {files:.0f} files fetched"
        )


def by_key(page: Page, console: SeededConsole) -> None:
    """Prints the longest that a key in the queue took until the next paint."""
    page.goto(f"{console.address}/queue")
    page.evaluate(KEYS)
    for _ in range(20):
        page.keyboard.press("j")
        page.wait_for_timeout(60)
    print(f"the longest key in the queue until the next paint: {page.evaluate('window.slowest'):.0f} ms, bar {KEY_BAR_MS}")


def main(rounds: int) -> None:
    """Prints all figures, and the load before and after."""
    print("load", os.getloadavg()[0])
    with filled() as console, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.goto(console.link())
        page.wait_for_url("**/queue")
        cookies = {cookie["name"]: cookie["value"] for cookie in context.cookies()}
        paths = paths_of(console)
        on_the_server(console, paths, cookies, rounds)
        in_the_browser(page, console, paths, rounds)
        by_key(page, console)
        browser.close()
    print("load", os.getloadavg()[0])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
