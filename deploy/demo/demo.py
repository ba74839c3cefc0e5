"""`weir demo` runs a whole system on free ports, feeds it payments and attacks, and shows its decisions on the terminal."""

import pathlib
import shutil
import tempfile
import time

from rich.console import Console

from api.auth.token import read_token
from api.client.client import Client
from deploy.commands.console_link import console_line
from deploy.commands.serve import solo_settings
from deploy.demo.feed import Feed
from deploy.demo.judged_cases import judged_cases, verdict_lines
from deploy.demo.live_view import LiveView, summary
from deploy.demo.tally import Tally
from deploy.demo.watch import Watch, follow_models
from deploy.doctor.doctor import fetch_jars
from deploy.local.releases import read_folder
from deploy.local.solo_stack import SoloStack
from deploy.local.stack import Stack, free_settings
from deploy.machine import interruption
from deploy.machine.saying import Say
from foundation.refusal import Refusal

HISTORY_DAYS = 3.0
HISTORY_SECONDS = 120
"""The last so many seconds of the history come at the full rate."""
THIN_SECONDS, THIN_MIN, THIN_MAX = 80, 5_000, 40_000
"""Before them come as many payments as in so many seconds at the full rate, within these bounds; a town has customers by its rate too."""
LEARN_SECONDS_MAX = 300.0
"""The side jobs, by which a model learns, give way to all else on the machine."""
SAY_SECONDS = 3.0
MODEL_AGE_MS_MAX = 40_000
DRAIN_SECONDS_MAX = 5.0

System = Stack | SoloStack


def run_demo(config: pathlib.Path, seconds: float | None, rate: int, seed: int, profile: str) -> None:
    """Sends live payments for `seconds` or until Ctrl-C; then stops everything and prints a summary.

    Its data is in a temporary folder, which is removed at the end. If the demo fails the folder is kept, with its logs.

    Args:
        config: the configuration folder.
        seconds: how long payments are sent; None means until Ctrl-C.
        rate: ordinary payments per second.
        seed: the seed of the generated payments.
        profile: ``embedded`` runs a broker and Flink; ``solo`` runs neither, and needs no Java.

    Raises:
        Refusal: a process of the system does not come up, or no model learns in time.
    """
    console = Console()
    if profile != "solo":
        fetch_jars()
    interruption.listen()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-demo-"))
    stack = _system(profile, config, folder, lambda line: console.print(line, highlight=False))
    try:
        console.print(f"starting the system (logs in {stack.logs})", highlight=False)
        with stack:
            _feed_and_show(stack, console, seconds, rate, seed)
            console.print("stopping", highlight=False)
    except KeyboardInterrupt:
        console.print("stopped before the system was up", highlight=False)
    shutil.rmtree(folder, ignore_errors=True)


def _system(profile: str, config: pathlib.Path, folder: pathlib.Path, say: Say) -> System:
    settings = free_settings(folder)
    if profile == "solo":
        return SoloStack(solo_settings(settings), config, say)
    return Stack(settings, read_folder(config), say)


def _feed_and_show(stack: System, console: Console, seconds: float | None, rate: int, seed: int) -> None:
    watch = Watch(stack.settings)
    feed = Feed(stack.settings, rate, seed)
    tally = Tally(feed.attacked)
    began = time.monotonic()
    try:
        _teach(stack, feed, watch, console)
        began = time.monotonic()
        console.print(console_line(stack.settings, console.is_terminal), highlight=False, soft_wrap=True)
        console.print(f"live: {rate} payments per second, an attack every few seconds; Ctrl-C ends", highlight=False)
        feed.start()
        with LiveView(tally, feed.attacks, console) as view:
            while seconds is None or time.monotonic() - began < seconds:
                interruption.check()
                stack.keep_running()
                _take(watch, tally, view)
    except KeyboardInterrupt:
        pass  # this is the usual end of a demo without a time; its summary follows
    finally:
        spent = time.monotonic() - began
        feed.stop()
        _drain(feed, watch, tally)
        watch.close()
    console.print(summary(tally, feed.attacks, spent), highlight=False, soft_wrap=True)
    for line in _verdicts(stack, feed):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _verdicts(stack: System, feed: Feed) -> list[str]:
    """What came of the cases that somebody decided at the console while the demo ran."""
    with Client(f"http://{stack.settings.api_address()}", read_token(stack.settings)) as client:
        try:
            return verdict_lines(judged_cases(client.cases, feed.attacked))
        except Refusal as refusal:  # the summary stands without them
            return [f"verdicts       not known: {refusal}"]


def _teach(stack: System, feed: Feed, watch: Watch, console: Console) -> None:
    """Sends a history of payments and waits until they are scored and a model has learned from them."""
    end_ms = int(time.time() * 1000)
    thin = min(max(THIN_SECONDS * feed.rate, THIN_MIN), THIN_MAX)
    count = feed.send_history(HISTORY_DAYS, thin + HISTORY_SECONDS * feed.rate)
    console.print(f"{count:,} payments of the last {HISTORY_DAYS:g} days were sent, so that models learn what is usual", highlight=False)
    began = said = time.monotonic()
    done = 0
    while done < count and time.monotonic() - began < LEARN_SECONDS_MAX:
        interruption.check()
        stack.keep_running()
        decisions, _ = watch.poll(0.1)
        done += len(decisions)
        if time.monotonic() > said + SAY_SECONDS:
            said = time.monotonic()
            console.print(f"  {done:,} are scored", highlight=False)
    console.print(f"{done:,} of them were scored after {time.monotonic() - began:.1f} s", highlight=False)
    _wait_for_model(stack, end_ms - MODEL_AGE_MS_MAX)
    console.print(f"a model has learned from them after {time.monotonic() - began:.1f} s", highlight=False)


def _wait_for_model(stack: System, learned_ms: int) -> None:
    """Waits for a snapshot that has learned from events up to `learned_ms`; to an earlier one the live rate would look anomalous."""
    deadline = time.monotonic() + LEARN_SECONDS_MAX
    for snapshots in follow_models(stack.settings):
        if any(snapshot.event_time_ms >= learned_ms for snapshot in snapshots):
            return
        if time.monotonic() > deadline:
            raise Refusal(
                "no model has learned in time",
                where="the topic models",
                expected=f"a snapshot that learned from the history within {LEARN_SECONDS_MAX:g} s",
                got="none",
                remedy=f"see the logs in {stack.logs}",
            )
        interruption.check()
        stack.keep_running()


def _take(watch: Watch, tally: Tally, view: LiveView) -> None:
    decisions, letters = watch.poll(0.1)
    for decision in decisions:
        flagged = tally.add(decision)
        if flagged:
            view.show(flagged)
    for what in letters:
        tally.add_dead_letter(what)
    view.draw()


def _drain(feed: Feed, watch: Watch, tally: Tally) -> None:
    """Waits up to `DRAIN_SECONDS_MAX` for the decisions on the last payments."""
    deadline = time.monotonic() + DRAIN_SECONDS_MAX
    while time.monotonic() < deadline:
        decisions, letters = watch.poll(0.3)
        if not decisions and not letters:
            return
        for decision in decisions:
            tally.add(decision)
        for what in letters:
            tally.add_dead_letter(what)
