"""Flink's two programs as commands of Java, with the memory of each.

Flink's own scripts reckon the sizes in a Java of its own before they start the one that stays: 2.6 s of CPU for each JobManager and
TaskManager, whatever comes out. Here the sizes are given, so that nothing has to be reckoned.
"""

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.machine.yielding import ALL_FROM_THE_START, QUICK_ONLY

JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
CLIENT_OPTIONS = f"-XX:+UseSerialGC {QUICK_ONLY} -Xmx512m"
"""Of the Java beside a Python that submits a job: it lives for seconds."""
_YOUNG_MB_MIN = 128
_PATIENT = "-Dpekko.remote.classic.startup-timeout=60s"
"""Flink's own setting for this, ``pekko.startup-timeout``, sets a name that Pekko no longer reads: where cores are short, ten seconds do
not always suffice for the first threads and the TLS of a process, and it ended."""


@dataclass(frozen=True, slots=True)
class JobManagerMemory:
    """Sizes in MB."""

    heap: int = 256
    off_heap: int = 64
    metaspace: int = 160
    overhead: int = 96

    def settings(self) -> dict[str, object]:
        """As Flink's configuration names them, below ``jobmanager.memory``."""
        return {
            "heap": {"size": f"{self.heap}m"},
            "off-heap": {"size": f"{self.off_heap}m"},
            "jvm-metaspace": {"size": f"{self.metaspace}m"},
            "jvm-overhead": _fixed(self.overhead),
        }

    def options(self) -> list[str]:
        """Of Java."""
        heap = [f"-Xms{self.heap}m", f"-Xmx{self.heap}m", f"-XX:MaxMetaspaceSize={self.metaspace}m"]
        return [*heap, "-XX:+UseSerialGC", QUICK_ONLY]


@dataclass(frozen=True, slots=True)
class TaskManagerMemory:
    """Sizes in MB; `task_heap` is what a job has for its state."""

    task_heap: int
    framework_heap: int = 128
    framework_off_heap: int = 64
    task_off_heap: int = 256
    managed: int = 256
    network: int = 64
    metaspace: int = 192
    overhead: int = 128

    def settings(self) -> dict[str, object]:
        """As Flink's configuration names them, below ``taskmanager.memory``."""
        return {
            "framework": {"heap": {"size": f"{self.framework_heap}m"}, "off-heap": {"size": f"{self.framework_off_heap}m"}},
            "task": {"heap": {"size": f"{self.task_heap}m"}, "off-heap": {"size": f"{self.task_off_heap}m"}},
            "managed": {"size": f"{self.managed}m"},
            "network": _fixed(self.network),
            "jvm-metaspace": {"size": f"{self.metaspace}m"},
            "jvm-overhead": _fixed(self.overhead),
        }

    def options(self, background: bool = False) -> list[str]:
        """Of Java.

        Args:
            background: nobody waits for what the program does.
        """
        heap = self.framework_heap + self.task_heap
        direct = self.framework_off_heap + self.task_off_heap + self.network
        sizes = [f"-Xms{heap}m", f"-Xmx{heap}m", f"-XX:MaxDirectMemorySize={direct}m", f"-XX:MaxMetaspaceSize={self.metaspace}m"]
        if background:
            return [*sizes, "-XX:+UseSerialGC", QUICK_ONLY]
        # A quarter of the heap for young objects and ParallelGC: no slower than G1 in the tail, and less memory beside the heap.
        return [*sizes, "-XX:+UseParallelGC", f"-Xmn{max(heap // 3, _YOUNG_MB_MIN)}m", ALL_FROM_THE_START]


def command(
    program: str, options: Sequence[str], class_path: Sequence[pathlib.Path], conf: pathlib.Path, log: pathlib.Path, *arguments: str
) -> list[str]:
    """What starts `program`.

    Args:
        program: one of this module's.
        options: of Java.
        class_path: its jars.
        conf: the folder of Flink's configuration.
        log: the file that Flink writes beside the console, rolled over by itself.
        arguments: more of Flink's own.
    """
    to_log = [f"-Dlog.file={log}", f"-Dlog4j.configurationFile={(conf / 'log4j-console.properties').absolute().as_uri()}"]
    jars = ":".join(map(str, class_path))
    java = ["java", "-XX:+IgnoreUnrecognizedVMOptions", _PATIENT, *options, *to_log]
    return [*java, "-cp", jars, program, "--configDir", str(conf), *arguments]


def _fixed(size_mb: int) -> dict[str, str]:
    return {"min": f"{size_mb}m", "max": f"{size_mb}m"}
