"""CPU time of an event that is asked about 1,000 and 10,000 rules of four predicates, of which about 15 match.

In batches of 256, and in bundles of one event, from the engine's columns to the pairs of event and rule. Beside it, over the same rules and
events: Python that was generated for them, with all rules in one function; a decision table of the zen engine; and programs of the Common
Expression Language in Rust. The answers of all are compared first, and those of Weir with an interpreter that walks each rule's tree.

Then how long rules are compiled: a thousand of which none is known, one that changed among a thousand, and ten thousand in a thread beside
decisions: the longest slice, in CPU, is how long it keeps the interpreter from a decision; the slowest decision is told too, by the
clock, which on a busy machine tells of other work.
"""

import gc
import importlib.util
import json
import pathlib
import statistics
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
from written_rules import Events, Predicate, conditions, events, rules

from patterns.predicates.condition_set import ConditionSet
from patterns.predicates.form import Forms
from pipeline.flink.garbage import settle_garbage

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "patterns" / "predicates"))
from plain_conditions import truth

MATCHING, BATCH, BATCHES, ROUNDS, CHECKED = 15.0, 256, 20, 5, 64
RIVALS_EVENTS = 64
Rule = tuple[Predicate, ...]
Pairs = list[tuple[int, int]]
BARS = {
    "batches_of_256_us": 2.0,
    "bundles_of_one_us": 60.0,
    "ten_thousand_to_one": 3.0,
    "cold_1000_ms": 3_000.0,
    "changed_1_of_1000_ms": 50.0,
    "longest_slice_ms": 12.0,
}


def pairs_of(made: ConditionSet, asked: Events) -> Pairs:
    fired = made.find_many(asked.values, len(asked.batch))
    return list(zip(fired.events.tolist(), fired.conditions.tolist(), strict=True))


def check(made: ConditionSet, asked: Events) -> None:
    """Compares with the plain interpreter."""
    rows = asked.rows()
    expected = [
        (at, place)
        for at, row in enumerate(rows)
        for place, each in enumerate(made.conditions)
        if truth(each.node, row, each.missing) == "true"
    ]
    if pairs_of(made, asked) != expected:
        raise AssertionError("the set of rules and the plain interpreter disagree")


def best_us(run: Callable[[Events], object], parts: list[Events]) -> float:
    """CPU microseconds of an event: of each part the best of some rounds, since the machine has other work; of all parts the median."""
    best = [min(_seconds(lambda part=part: run(part)) for _ in range(ROUNDS)) / len(part.batch) for part in parts]
    return statistics.median(best) * 1e6


def _seconds(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def measured(made: ConditionSet) -> tuple[float, float]:
    """Of an event in batches, and in bundles of one."""
    stream = events(BATCH * BATCHES, seed=7)
    batches = [stream.part(at, at + BATCH) for at in range(0, BATCH * BATCHES, BATCH)]
    ones = [stream.part(at, at + 1) for at in range(200)]
    ask = lambda part: made.find_many(part.values, len(part.batch))  # noqa: E731
    return best_us(ask, batches), best_us(ask, ones)


def by_python(of: list[Rule]) -> Callable[[dict], list[int]]:
    """One function of all rules, written for them."""
    names = {name: f"v{at}" for at, name in enumerate(dict.fromkeys(each.name for rule in of for each in rule))}
    lines = ["def run(event):", *(f"    {short} = event[{name!r}]" for name, short in names.items()), "    found = []"]
    for at, rule in enumerate(of):
        asked = [
            f"{names[each.name]} {each.operator} {each.constants if each.operator == 'in' else repr(each.constants[0])}" for each in rule
        ]
        lines.append(f"    if {' and '.join(asked)}: found.append({at})")
    made: dict[str, Callable[[dict], list[int]]] = {}
    exec("\n".join([*lines, "    return found"]), made)
    return made["run"]


def by_zen(of: list[Rule]) -> Callable[[dict], list[int]]:
    """A decision table that collects all rules that hit."""
    import zen

    names = list(dict.fromkeys(each.name for rule in of for each in rule))
    rows = [
        {"_id": str(at), "o": str(at)} | dict.fromkeys(names, "") | {each.name: _cell(each) for each in rule} for at, rule in enumerate(of)
    ]
    inputs = [{"id": name, "name": name, "field": name.replace(".", "_")} for name in names]
    table = {"hitPolicy": "collect", "inputs": inputs, "outputs": [{"id": "o", "name": "rule", "field": "rule"}], "rules": rows}
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in"},
        {"id": "table", "type": "decisionTableNode", "name": "table", "content": table},
        {"id": "out", "type": "outputNode", "name": "out"},
    ]
    edges = [{"id": f"{a} {b}", "sourceId": a, "targetId": b, "type": "edge"} for a, b in (("in", "table"), ("table", "out"))]
    for node in nodes:
        node["position"] = {"x": 0, "y": 0}
    decision = zen.ZenEngine().create_decision(json.dumps({"nodes": nodes, "edges": edges}))
    flat = {name: name.replace(".", "_") for name in names}
    return lambda event: [hit["rule"] for hit in decision.evaluate({short: event[name] for name, short in flat.items()})["result"]]


def _cell(predicate: Predicate) -> str:
    shown = [f'"{each}"' if isinstance(each, str) else repr(each) for each in predicate.constants]
    return f"{predicate.operator} {shown[0]}" if predicate.operator in "<>" else ", ".join(shown)


def by_cel(of: list[Rule]) -> Callable[[dict], list[int]]:
    """A compiled program for each rule."""
    import cel

    programs = [cel.compile(" && ".join(each.text for each in rule)) for rule in of]

    def run(event: dict) -> list[int]:
        nested: dict[str, dict[str, object]] = {}
        for name, value in event.items():
            root, _, field = name.partition(".")
            nested.setdefault(root, {})[field] = value
        context = cel.Context(variables=nested)
        return [at for at, program in enumerate(programs) if program.execute(context)]

    return run


def rivals(of: list[Rule], made: ConditionSet) -> dict[str, float | str]:
    """CPU microseconds of an event by each, whose answers agree."""
    asked = events(RIVALS_EVENTS, seed=9, missing=0.0)
    expected, rows = pairs_of(made, asked), asked.rows()
    found: dict[str, float | str] = {}
    for name, module, make in (("python", "", by_python), ("zen", "zen", by_zen), ("cel", "cel", by_cel)):
        if module and importlib.util.find_spec(module) is None:
            found[name] = "not installed: uv sync --group bench"
            continue
        run = make(of)
        if [(at, place) for at, row in enumerate(rows) for place in sorted(run(row))] != expected:
            raise AssertionError(f"{name} and the set of rules disagree")
        found[name] = round(min(_seconds(lambda run=run: [run(row) for row in rows]) for _ in range(3)) / len(rows) * 1e6, 1)
    return found


def compiled() -> dict[str, float]:
    """Milliseconds to compile rules, and of decisions while ten thousand are compiled beside."""
    of = conditions(rules(1_001, MATCHING))
    forms = Forms()
    cold = _seconds(lambda: ConditionSet.compile(of[:-1], forms)) * 1e3
    changed = _seconds(lambda: ConditionSet.compile(of[1:], forms)) * 1e3
    return {"cold_1000_ms": round(cold, 1), "changed_1_of_1000_ms": round(changed, 1), **beside(ConditionSet.compile(of, forms))}


def beside(made: ConditionSet) -> dict[str, float]:
    """What decisions of one event take while a thread compiles ten thousand rules in slices, and pauses between them."""
    of = conditions(rules(10_000, MATCHING, seed=5))
    one = events(1, seed=3)
    settle_garbage()
    ended = threading.Event()

    longest = [0.0]

    def compile_beside() -> None:
        began, slices = time.thread_time(), ConditionSet.in_slices(of, Forms())
        for _ in slices:
            longest[0] = max(longest[0], time.thread_time() - began)
            time.sleep(0.0005)
            began = time.thread_time()
        ended.set()

    alone = [_wall_ms(made, one) for _ in range(2_000)]
    thread = threading.Thread(target=compile_beside)
    thread.start()
    took = []
    while not ended.is_set():
        took.append(_wall_ms(made, one))
        time.sleep(0)  # as a stage that waits for its next bundle
    thread.join()
    return {
        "longest_slice_ms": round(longest[0] * 1e3, 2),
        "slowest_decision_alone_ms": round(max(alone), 2),
        "slowest_decision_beside_ms": round(max(took), 2),
        "p99_decision_beside_ms": round(float(np.quantile(took, 0.99)), 3),
    }


def _wall_ms(made: ConditionSet, one: Events) -> float:
    began = time.perf_counter()
    made.find_many(one.values, 1)
    return (time.perf_counter() - began) * 1e3


def run() -> dict[str, object]:
    thousand, ten_thousand = rules(1_000, MATCHING), rules(10_000, MATCHING)
    made, many = ConditionSet.compile(conditions(thousand)), ConditionSet.compile(conditions(ten_thousand))
    check(made, events(CHECKED))
    check(many, events(8))
    gc.collect()
    batch_us, one_us = measured(made)
    many_us, many_one_us = measured(many)
    figures = {
        "batches_of_256_us": round(batch_us, 3),
        "bundles_of_one_us": round(one_us, 1),
        "ten_thousand_rules_us": round(many_us, 3),
        "ten_thousand_rules_bundles_of_one_us": round(many_one_us, 1),
        "ten_thousand_to_one": round(many_us / batch_us, 2),
        **compiled(),
    }
    beside_us = rivals(thousand, made)
    ratios = {name: round(us / batch_us) for name, us in beside_us.items() if isinstance(us, float)}
    return {
        "what": "1,000 rules of 4 predicates, about 15 matching: CPU us an event",
        **figures,
        "rivals_us": beside_us,
        "times_faster_than": ratios,
        "bars": BARS,
        "met": all(figures[name] <= bar for name, bar in BARS.items()),
    }


if __name__ == "__main__":
    result = run()
    json.dump(result, sys.stdout, indent=1)
    sys.exit(0 if result["met"] else 1)
