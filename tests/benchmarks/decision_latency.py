"""Latency of synchronous decisions against a running API, in an open loop.

Alone it starts a system of its own and measures it from another process; with `--url` it measures a running one:

    python tests/benchmarks/decision_latency.py --url http://127.0.0.1:18000 --token-file .weir/token --rate 100 --rate 500

Beside each run a Kafka client sends small records to the same broker and back (`echo`): what the machine and the broker cost.
"""

import argparse
import contextlib
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

import msgspec
import numpy as np
import uvloop
from kafka_echo import Echo
from open_loop import HEADINGS, OpenLoop, Run, row_of, without_collection

from deploy.command import SAMPLES
from deploy.demo.payments import Town
from deploy.local.releases import read_folder
from deploy.local.stack import Stack, free_settings, settings_as_environment
from foundation.settings import read_settings
from pipeline.control.kafka_access import connection_of


class Generator(OpenLoop):
    """Asks for decisions on payments of a made-up town.

    Args:
        url: of the API.
        token: bearer token.
        deadline_ms: that each request names.
    """

    def __init__(self, url: str, token: str, deadline_ms: int, seed: int) -> None:
        super().__init__(url)
        self._head = (
            f"POST /v1/decisions?deadline_ms={deadline_ms} HTTP/1.1\r\nhost: {self.host}\r\nauthorization: Bearer {token}\r\n"
            "content-type: application/json\r\ncontent-length: "
        ).encode()
        self._town = Town(seed, customers=20_000, terminals=2_000, first_id=time.time_ns() // 1000)

    def request(self) -> bytes:
        body = self._town.payment(int(time.time() * 1000)).encode()
        return self._head + str(len(body)).encode() + b"\r\n\r\n" + body

    def outcome_of(self, status: int, answer: bytes) -> str:
        """answered, degraded (by the pipeline, without an entity's answer), fallback (by the API, at its deadline), or the status."""
        if status != 200:
            return f"status {status}"
        found = msgspec.json.decode(answer)
        if "age_ms" in found:
            return "fallback"
        return "degraded" if "degraded" in found["flags"] else "answered"


def median_of(runs: list[Run]) -> str:
    """One line: medians over runs of one rate, and how far apart the runs' p99 lie."""
    each = np.array([np.percentile(run.latencies_ms or [np.nan], [50, 99, 99.9]) for run in runs])
    p50, p99, p999 = np.median(each, axis=0)
    spread = f"p99 from {each[:, 1].min():.2f} to {each[:, 1].max():.2f}"
    return f"{runs[0].rate:>8,} {p50:>8.2f} {p99:>8.2f} {p999:>8.2f}   median of {len(runs)} runs, {spread}"


async def measure(arguments: argparse.Namespace, token: str) -> None:
    """Warms the service up, then prints a line a run, and medians."""
    generator = Generator(arguments.url, token, arguments.deadline_ms, arguments.seed)
    await generator.connect()
    if arguments.warm_seconds:
        await generator.run(500, arguments.warm_seconds)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, Flink {version('apache-flink')}")
    print(HEADINGS)
    with (
        Echo(connection_of(msgspec.structs.replace(read_settings(), bootstrap=arguments.bootstrap)))
        if arguments.bootstrap
        else contextlib.nullcontext() as echo
    ):
        for rate in arguments.rate:
            runs = []
            for _ in range(arguments.runs):
                with without_collection():
                    runs.append(await generator.run(rate, arguments.seconds))
                beside = "; echo p50 {:.1f} p99 {:.1f} max {:.1f} ms".format(*echo.taken()) if echo else ""
                print(row_of(runs[-1]) + beside, flush=True)
            if len(runs) > 1:
                print(median_of(runs), flush=True)


def measure_own_system(arguments: list[str]) -> int:
    """Starts the embedded system on free ports, measures it from a process of its own, and stops it."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        settings = free_settings(pathlib.Path(folder))
        with Stack(settings, read_folder(SAMPLES / "payments"), print) as stack:
            place = ["--url", f"http://127.0.0.1:{settings.api_port}", "--token-file", str(settings.path("token"))]
            place += ["--bootstrap", settings.bootstrap]
            measuring = subprocess.Popen([sys.executable, __file__, *place, *arguments], env=os.environ | settings_as_environment(settings))
            while measuring.poll() is None:
                stack.keep_running()
                time.sleep(1.0)
            return measuring.returncode


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="of a running API; without it a system of its own is started")
    parser.add_argument("--token-file", type=pathlib.Path, default=pathlib.Path(".weir/token"))
    parser.add_argument("--bootstrap", help="host:port of its broker, for the echo; without it there is none")
    parser.add_argument("--warm-seconds", type=float, default=30.0, help="at 500/s before the first run, while the JVMs compile")
    parser.add_argument("--rate", type=int, action="append", help="requests a second; may be repeated; default 100, 500, 1,000 and 2,000")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run")
    parser.add_argument("--runs", type=int, default=1, help="of each rate")
    parser.add_argument("--deadline-ms", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.rate = arguments.rate or [100, 500, 1_000, 2_000]
    if arguments.url is None:
        sys.exit(measure_own_system(sys.argv[1:]))
    if not arguments.token_file.exists():
        sys.exit(f"no token in {arguments.token_file}: is the system up? (`weir up`)")
    uvloop.run(measure(arguments, arguments.token_file.read_text().strip()))


if __name__ == "__main__":
    main()
