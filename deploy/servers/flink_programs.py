"""The Java commands of Flink's two programs, with the memory of each.

Flink's own scripts first start another Java process that computes the memory sizes, which costs 2.6 s of CPU for each JobManager and
TaskManager. Here the sizes are given.
"""

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.machine.yielding import ALL_FROM_THE_START, QUICK_ONLY

JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
CLIENT_OPTIONS = f"-XX:+UseSerialGC {QUICK_ONLY} -Xmx512m"
"""The options of the Java process of a client that submits a job, which lives for seconds."""
_YOUNG_MB_MIN = 128
_PATIENT = "-Dpekko.remote.classic.startup-timeout=60s"
"""When cores are busy, Pekko's default of ten seconds does not always suffice to start its threads and TLS, and then the process ends.
Flink's own setting for it, ``pekko.startup-timeout``, sets a name that Pekko no longer reads."""


@dataclass(frozen=True, slots=True)
class JobManagerMemory:
    """The memory of the JobManager; all sizes are in MB."""

    heap: int = 256
    off_heap: int = 64
    metaspace: int = 160
    overhead: int = 96

    def settings(self) -> dict[str, object]:
        """The sizes as settings of Flink below ``jobmanager.memory``."""
        return {
            "heap": {"size": f"{self.heap}m"},
            "off-heap": {"size": f"{self.off_heap}m"},
            "jvm-metaspace": {"size": f"{self.metaspace}m"},
            "jvm-overhead": _fixed(self.overhead),
        }

    def options(self) -> list[str]:
        """The sizes as options of Java."""
        heap = [f"-Xms{self.heap}m", f"-Xmx{self.heap}m", f"-XX:MaxMetaspaceSize={self.metaspace}m"]
        return [*heap, "-XX:+UseSerialGC", QUICK_ONLY]


@dataclass(frozen=True, slots=True)
class TaskManagerMemory:
    """The memory of a TaskManager; all sizes are in MB. `task_heap` holds the state of jobs."""

    task_heap: int
    framework_heap: int = 128
    framework_off_heap: int = 64
    task_off_heap: int = 256
    managed: int = 256
    network: int = 64
    metaspace: int = 192
    overhead: int = 128

    def settings(self) -> dict[str, object]:
        """The sizes as settings of Flink below ``taskmanager.memory``."""
        return {
            "framework": {"heap": {"size": f"{self.framework_heap}m"}, "off-heap": {"size": f"{self.framework_off_heap}m"}},
            "task": {"heap": {"size": f"{self.task_heap}m"}, "off-heap": {"size": f"{self.task_off_heap}m"}},
            "managed": {"size": f"{self.managed}m"},
            "network": _fixed(self.network),
            "jvm-metaspace": {"size": f"{self.metaspace}m"},
            "jvm-overhead": _fixed(self.overhead),
        }

    def options(self, background: bool = False) -> list[str]:
        """The sizes as options of Java.

        Args:
            background: whether nobody waits for what the program does.
        """
        heap = self.framework_heap + self.task_heap
        direct = self.framework_off_heap + self.task_off_heap + self.network
        sizes = [f"-Xms{heap}m", f"-Xmx{heap}m", f"-XX:MaxDirectMemorySize={direct}m", f"-XX:MaxMetaspaceSize={self.metaspace}m"]
        if background:
            return [*sizes, "-XX:+UseSerialGC", QUICK_ONLY]
        # ParallelGC with a third of the heap for young objects has the same tail latency as G1 and needs less memory beside the heap.
        return [*sizes, "-XX:+UseParallelGC", f"-Xmn{max(heap // 3, _YOUNG_MB_MIN)}m", ALL_FROM_THE_START]


def command(
    program: str, options: Sequence[str], class_path: Sequence[pathlib.Path], conf: pathlib.Path, log: pathlib.Path, *arguments: str
) -> list[str]:
    """The command that starts `program`.

    Args:
        program: `JOB_MANAGER` or `TASK_MANAGER`.
        options: options of Java.
        class_path: the jars.
        conf: the folder of Flink's configuration.
        log: the log file that Flink writes in addition to the console and rotates itself.
        arguments: further arguments of the program.
    """
    to_log = [f"-Dlog.file={log}", f"-Dlog4j.configurationFile={(conf / 'log4j-console.properties').absolute().as_uri()}"]
    jars = ":".join(map(str, class_path))
    java = ["java", "-XX:+IgnoreUnrecognizedVMOptions", _PATIENT, *options, *to_log]
    return [*java, "-cp", jars, program, "--configDir", str(conf), *arguments]


def _fixed(size_mb: int) -> dict[str, str]:
    return {"min": f"{size_mb}m", "max": f"{size_mb}m"}
