"""The whole embedded system: events are decided, parts that are killed come back, and a new policy is in force at once."""

import os
import pathlib
import time
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner
from confluent_kafka import Producer
from score_job_runs import wait_for

from deploy.command import SAMPLES, main
from deploy.demo.payments import Payment, Town
from deploy.demo.tally import Seen
from deploy.demo.watch import Watch
from deploy.local.releases import read_folder
from deploy.local.stack import BACKGROUND, Stack, answers, settings_as_environment
from pipeline.control.kafka_access import connection_of

OTHERS = BACKGROUND.keys() - {"deliver"}
"""They are started again as ``deliver`` is."""


@pytest.fixture
def watch(stack: Stack) -> Iterator[Watch]:
    watch = Watch(stack.settings)
    yield watch
    watch.close()


def payments(count: int) -> list[Payment]:
    """Of now, with ids that no other test has."""
    town = Town(1, customers=50, terminals=20, first_id=time.time_ns() // 1000)
    return [town.payment(int(time.time() * 1000)) for _ in range(count)]


def send(stack: Stack, some: list[Payment]) -> None:
    producer = Producer({**connection_of(stack.settings), "acks": "all"})
    for payment in some:
        producer.produce(stack.settings.topic("events"), payment.encode(), payment.customer_id)
    assert producer.flush(30) == 0


def decided(watch: Watch, wanted: list[Payment], keep_running: Callable[[], object], seconds: float = 240.0) -> dict[str, Seen]:
    """The first decision of each of `wanted`, by event id."""
    missing = {str(payment.payment_id) for payment in wanted}
    found: dict[str, Seen] = {}
    deadline = time.monotonic() + seconds
    while missing:
        assert time.monotonic() < deadline, f"{len(missing)} of {len(wanted)} without a decision"
        keep_running()
        for decision in watch.poll(0.2)[0]:
            if decision.event_id in missing:
                missing.discard(decision.event_id)
                found[decision.event_id] = decision
    return found


def test_every_event_gets_its_decision(stack: Stack, watch: Watch) -> None:
    sent = payments(500)
    send(stack, sent)
    found = decided(watch, sent, stack.keep_running)
    for payment in sent:
        decision = found[str(payment.payment_id)]
        assert decision.user == payment.customer_id
        assert decision.event["amount"] == payment.amount_minor / 100
        assert decision.entities == {"terminal_id": payment.terminal_id, "payee_id": "", "device_id": payment.device_id}


def test_copies_of_a_checkpoint_and_compilers_give_way_to_decisions(stack: Stack) -> None:
    pid = stack.process("task-manager-1").pid

    def all_give_way() -> bool:
        stack.keep_running()
        nicenesses = [niceness_of(pid, name) for name in ("AsyncOperations", "C1 Compiler")]
        return nicenesses == [{19}, {19}]

    wait_for(all_give_way, 60, "no copy of a checkpoint gives way")
    assert niceness_of(pid, "user-bundler") == niceness_of(pid, "kafka-producer") == {os.getpriority(os.PRIO_PROCESS, 0)}


def niceness_of(pid: int, name: str) -> set[int]:
    """Of the threads whose name begins so."""
    threads = [thread for thread in pathlib.Path(f"/proc/{pid}/task").iterdir() if (thread / "comm").read_text().startswith(name)]
    return {os.getpriority(os.PRIO_PROCESS, int(thread.name)) for thread in threads}


def test_bytes_that_are_no_event_become_a_dead_letter_and_stop_nothing(stack: Stack, watch: Watch) -> None:
    producer = Producer({**connection_of(stack.settings)})
    producer.produce(stack.settings.topic("events"), b"no event at all", "c000001")
    producer.flush(10)
    deadline = time.monotonic() + 240
    while not watch.poll(0.2)[1]:
        assert time.monotonic() < deadline
    sent = payments(10)
    send(stack, sent)
    decided(watch, sent, stack.keep_running)


@pytest.mark.parametrize("name", ["deliver", *(pytest.param(each, marks=pytest.mark.long) for each in sorted(OTHERS)), "api"])
def test_a_killed_side_process_comes_back_and_decisions_go_on_meanwhile(stack: Stack, watch: Watch, name: str) -> None:
    before = stack.process(name)
    before.kill()
    sent = payments(50)
    send(stack, sent)
    decided(watch, sent, lambda: None)
    assert stack.keep_running() == [name]
    after = stack.process(name)
    assert after.running()
    assert after.pid != before.pid
    wait_for(lambda: answers(stack.settings.api_address(), "/health"), 60, "the api does not answer again")


@pytest.mark.long
def test_a_killed_task_manager_comes_back_and_no_event_is_without_a_decision(stack: Stack, watch: Watch) -> None:
    sent = payments(2_000)
    send(stack, sent[:1_000])
    stack.process("task-manager-1").kill()
    send(stack, sent[1_000:])
    already = seen_within(watch, 3.0)
    assert not already & {str(payment.payment_id) for payment in sent[1_000:]}, "something decides without a TaskManager"
    assert stack.keep_running() == ["task-manager-1"]
    decided(watch, [payment for payment in sent if str(payment.payment_id) not in already], stack.keep_running)


def seen_within(watch: Watch, seconds: float) -> set[str]:
    """Ids of the events whose decisions come within `seconds`."""
    end = time.monotonic() + seconds
    seen: set[str] = set()
    while time.monotonic() < end:
        seen.update(decision.event_id for decision in watch.poll(0.2)[0])
    return seen


def weir_push(stack: Stack, folder: pathlib.Path, texts: dict[str, str]) -> str:
    """What `weir push` says of `texts`."""
    for part, text in texts.items():
        kind, _, name = part.partition(":")
        file = folder / {"pattern": f"patterns/{name}.yaml", "list": f"lists/{name}.txt"}.get(kind, f"{part}.yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    run = CliRunner().invoke(main, ["push", str(folder)], env=settings_as_environment(stack.settings))
    assert run.exit_code == 0, run.output
    return run.stdout


def test_a_pushed_policy_decides_the_next_payments(stack: Stack, watch: Watch, tmp_path: pathlib.Path) -> None:
    texts = read_folder(SAMPLES / "payments")
    # A rule that asks for a review would speak before the score: the payments of these tests make terminals busy.
    policy = "score: first_ready(payment_shape)\norder: strongest\nbands: [{action: block}]\nfallback: {action: block}\n"
    strict = texts | {"policy": policy}
    try:
        said = weir_push(stack, tmp_path / "strict", strict)
        pushed = time.monotonic()
        while True:
            sent = payments(1)
            send(stack, sent)
            [decision] = decided(watch, sent, stack.keep_running).values()
            if decision.action == "block":
                break
            assert time.monotonic() - pushed < 240.0  # how soon it is on a free machine is measured under load elsewhere
    finally:
        again = weir_push(stack, tmp_path / "sample", texts)
    first, second = (int(line.split()[1]) for line in (said, again))
    assert second == first + 1
    assert weir_push(stack, tmp_path / "same", texts) == f"release {second} was already in force\n"
