"""How long decisions stand still while a release with 10,000 rules is compiled beside them, and what compiling costs.

The three stages decide one event after the other in a thread, as they do in a worker of Flink, while another thread compiles. A stall is
the CPU that the whole process had during one decision, or while the stages took in control records: whatever the compiling thread did
meanwhile is in it. The clock, which is told too, also knows of other work on the machine. Beside it: one rule changed among a thousand.
"""

import json
import sys
import time

import msgspec
import numpy as np
from deciding_stream import Stream, cpu_of
from written_rules import DECIMALS, FLOATS, rules

from features.profiles.warm_kernels import compile_kernels
from patterns.lifecycle.manifest import read_manifest, with_manifest
from pipeline.engine.definitions.release import compile_release
from pipeline.flink.garbage import settle_garbage

MATCHING = 15.0
BARS = {"longest_stall_ms": 12.0, "changed_1_of_1000_ms": 50.0, "cold_1000_ms": 3_000.0}
AT_MS = 1_700_000_000_000
_FIELDS = [
    *(f"d{at}: {{type: decimal}}" for at in range(DECIMALS)),
    *(f"f{at}: {{type: float}}" for at in range(FLOATS)),
    *(f"{name}: {{type: string}}" for name in ("category", "country", "channel")),
]
BASE = {
    "schema": f"{{id: {{field: id, type: integer}}, time: {{field: ts}}, user: card, fields: {{{', '.join(_FIELDS)}}}}}",
    "features": "".join(f"- {{name: f{at}, template: mean, value: event.f{at % FLOATS}, window: {at + 1}h}}\n" for at in range(9)),
    "models": "".join(f"- {{name: m{at}, kind: river, model: anomaly.HalfSpaceTrees, inputs: [feature.f{at}]}}\n" for at in range(2)),
    "policy": "score: first_ready(m0)\nbands: [{action: approve}]\nfallback: {action: approve}\n",
}


def texts_of(count: int, seed: int = 2) -> dict[str, str]:
    """A release with so many rules of four predicates, of which about 15 match an event, and its manifest."""
    written = {
        f"pattern:r{at}": f"title: Rule {at}\nowner: bench\nstatus: active\nwhen: >\n  {' && '.join(each.text for each in rule)}\n"
        f'then: {{action: review, reason: "{{event.d0}} at rule {at}"}}\n'
        for at, rule in enumerate(rules(count, MATCHING, seed))
    }
    return with_manifest(BASE | written, {}, True)


def changed(texts: dict[str, str], at: int) -> dict[str, str]:
    """The same with one more predicate in one rule."""
    name = f"pattern:r{at}"
    other = texts | {name: texts[name].replace("when: >\n  ", f"when: >\n  event.d1 > {at}.5 && ")}
    return with_manifest(other, read_manifest(texts["patterns"]), False)


def event(id: int) -> bytes:
    amounts = {f"d{at}": 12.5 + id % 7 for at in range(DECIMALS)} | {f"f{at}": 0.25 * (id % 5) for at in range(FLOATS)}
    texts = {"category": f"category{id % 30}", "country": f"country{id % 60}", "channel": "channel1"}
    return msgspec.json.encode({"id": id, "ts": AT_MS + id * 1_000, "card": f"c{id % 100}"} | amounts | texts)


def beside(count: int) -> dict[str, float]:
    """How long decisions take while `count` rules of which none is known are compiled, and before."""
    many = texts_of(count, seed=5)
    stream = Stream(texts_of(1_000), event)
    settle_garbage()
    while len(stream.decisions) < 1_000:
        time.sleep(0.01)
    before, began = len(stream.decisions), time.perf_counter()
    stream.take(stream.job.records_of(2, many))
    while stream.newest["release"] != 2:
        time.sleep(0.01)
    seconds, swapped = time.perf_counter() - began, len(stream.decisions)
    while len(stream.decisions) < swapped + 500:
        time.sleep(0.01)
    stream.end()
    during = np.array(stream.decisions[before:]) * 1e3
    alone = np.array(stream.decisions[100:before]) * 1e3
    return {
        "decision_alone_ms": round(float(np.median(alone)), 2),
        "longest_decision_alone_ms": round(float(alone.max()), 2),
        "decisions_beside": len(during),
        "median_decision_beside_ms": round(float(np.median(during)), 2),
        "p999_decision_beside_ms": round(float(np.quantile(during, 0.999)), 2),
        "longest_stall_ms": round(max(float(during.max()), max(stream.controls) * 1e3), 2),
        "longest_decision_beside_ms": round(float(during.max()), 2),
        "longest_control_ms": round(max(stream.controls) * 1e3, 2),
        "longest_decision_beside_by_the_clock_ms": round(max(stream.walls[before:]) * 1e3, 2),
        "in_force_after_s": round(seconds, 1),
    }


def alone() -> dict[str, float]:
    """CPU milliseconds to compile a thousand rules, and one that changed among them."""
    texts = texts_of(1_000, seed=9)
    cold = cpu_of(lambda: compile_release(1, texts)) * 1e3
    others = [changed(texts, at) for at in range(5)]
    each = [cpu_of(lambda other=other: compile_release(2, other)) * 1e3 for other in others]
    return {"cold_1000_ms": round(cold, 1), "changed_1_of_1000_ms": round(float(np.median(each)), 1)}


def run() -> dict[str, object]:
    compile_kernels()
    compile_release(1, texts_of(2))
    figures = alone() | beside(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    return {
        "what": "a release is compiled beside decisions",
        **figures,
        "bars": BARS,
        "met": all(figures[each] <= bar for each, bar in BARS.items()),
    }


if __name__ == "__main__":
    result = run()
    json.dump(result, sys.stdout, indent=1)
    sys.exit(0 if result["met"] else 1)
