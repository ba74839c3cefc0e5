"""Runs the whole system as processes on this machine: broker, Flink, the score job, the side jobs and the API."""

import functools
import pathlib
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType

import msgspec

from deploy.local.carrying_over import carry_over_earlier
from deploy.local.compaction import Compaction
from deploy.local.delivery import Delivery
from deploy.local.ending_jobs import end_all_jobs
from deploy.local.kernels import COMPILE_SECONDS_MAX, start_compiling
from deploy.local.placement import Placement
from deploy.local.releases import publish
from deploy.local.submission import launch_submission, submit_score_job, wait_until_submitted
from deploy.local.tidying import Tidying
from deploy.machine.answers import answers
from deploy.machine.jars import PROJECT
from deploy.machine.patience import Patience
from deploy.machine.ports import free_ports, require_free
from deploy.machine.private_files import make_private_folder, secret_in
from deploy.machine.processes import Process, Processes
from deploy.machine.restarting import start_again
from deploy.machine.saying import Say, never_failing
from deploy.machine.system_settings import note_runtime
from deploy.machine.yielding import Yielding, hold_back_second_compiler
from deploy.servers.broker import launch_broker, start_broker, wait_for_broker
from deploy.servers.cluster import Cluster, task_manager_name
from deploy.servers.flink_files import needed_for
from deploy.servers.hdfs_security import USER_VARIABLE
from deploy.servers.store_servers import SERVERS, StoreServer
from deploy.servers.topics import make_topics
from foundation.settings import Settings, settings_as_environment
from pipeline.control.kafka_access import SECRET_FILE
from pipeline.flink.jobs import DELIVERING
from pipeline.sinks.archive_access import HDFS_USER_FILE

SIDE_JOBS = {
    "label": "pipeline.learning.label_job",
    "learn": "pipeline.learning.learn_job",
    "deliver": "pipeline.sinks.deliver_job",
    "effects": "pipeline.effects.effects_job",
    "alerts": "pipeline.alerting.alerts_job",
}
"""The jobs that are plain consumers, with the modules that run them."""
BACKGROUND = SIDE_JOBS | {"worker": "pipeline.jobs.worker"}
"""The programs that nobody waits for, with the modules that run them."""
READY_SECONDS_MAX = 240.0


class Stack:
    """Starts all processes in order, restarts those that end, and stops them in the opposite order.

    Use it from the main thread, because its processes end with the thread that started them.

    Args:
        settings: the settings; `free_settings` gives some whose ports nobody uses.
        texts: the definitions, by part, to put in force before the first event.
        say: is called with a message for each step. It may fail, for example on a full disk, without any effect on the system.
        replace: whether `texts` replace a release that is in force already.
        servers: the names in `SERVERS` of the store servers to start too.
        delivers: whether the jobs for metrics and archive run too; decisions do not need them.
    """

    def __init__(
        self,
        settings: Settings,
        texts: dict[str, str],
        say: Say = lambda line: None,
        replace: bool = True,
        servers: Sequence[str] = (),
        delivers: bool = True,
    ) -> None:
        self.settings = settings
        self.logs = settings.path("logs")
        files = needed_for(settings.archive_url)
        if "hdfs" in servers:
            files = files._replace(environment={USER_VARIABLE: secret_in(settings.path(*HDFS_USER_FILE))})
        self.cluster = Cluster(settings.path("flink"), self.logs, settings.flink_port, files=files)
        self.release = 0
        self._texts = texts
        self._replace = replace
        self._say = never_failing(say)
        self._servers = servers
        self._delivery = Delivery(self.cluster, self.logs, DELIVERING if delivers else ())
        self._placement = Placement(self.cluster, self._own_numbers())
        self._compaction = Compaction(self.logs, self._say)
        self._tidying = Tidying(self.cluster)
        self._processes = Processes()
        self._yielding = Yielding()
        self._starts: dict[str, Callable[[], Process]] = {}
        self._patience = Patience()
        self._to_submit = False

    def start(self) -> None:
        """Starts everything and returns when the API is ready, after about 40 s.

        Raises:
            Refusal: a process does not come up; then those that were started are stopped again.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def keep_running(self) -> list[str]:
        """Restarts processes that have ended by themselves and gives their names; call it about once a second.

        A process that does not come up is tried again after growing waits, and the others go on: while the broker is down the API answers
        with fallbacks, and while a disk is full the only thing to do is to wait for space.
        """
        restarted = []
        for process in sorted(self._processes.dead(), key=self._start_order):
            if process in self._processes.all and self._patience.may_try(process.name):
                start = self._starts[process.name]
                if start_again(self._processes, process, start, self._patience, self._say):
                    restarted.append(process.name)
        if self._to_submit and self._patience.may_try("submission"):
            self._submit_again()
        self._yielding.step(self._processes.all)
        for beside in (self._keep_delivering, self._keep_placed, self._keep_compacted, self._tidying.step):
            try:
                beside()
            except Exception as error:  # a full disk may fail any of them, and each is tried again at its next time
                self._say(f"a task beside the jobs failed and is tried again: {error}")
        return restarted

    def stop(self) -> None:
        """Stops every process, those that nobody waits for at the same time; does nothing if none runs."""
        self._compaction.stop()
        self._delivery.stop()
        for process in self._processes.all:
            if process.name in BACKGROUND:
                process.ask_to_stop()
        self._processes.stop()

    def process(self, name: str) -> Process:
        """The running process `name`, such as ``task-manager-1`` or ``deliver``."""
        return next(process for process in self._processes.all if process.name == name)

    def __enter__(self) -> "Stack":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _start(self) -> None:
        """Starts processes that do not need each other at the same time, because half of the time Java loads its classes."""
        settings, cluster = self.settings, self.cluster
        make_private_folder(settings.path())
        note_runtime(settings)
        secret = settings.path(*SECRET_FILE)
        secret_in(secret)  # it is made before its users start, because they know by this file that the broker needs a password
        require_free(settings.api_port, "the HTTP API", settings.api_host)
        port = int(settings.bootstrap.rpartition(":")[2])
        [controller_port] = free_ports(1)
        arguments = (settings.path("kafka"), self.logs, port, controller_port, secret)
        numbers = self._own_numbers()
        began = time.monotonic()
        servers = [SERVERS[name](settings, self.logs, self._own) for name in self._servers]
        for server in servers:
            server.launch()
        broker = self._own("broker", launch_broker(*arguments), functools.partial(start_broker, *arguments))
        kernels = [self._processes.add(each) for each in start_compiling(self.environment(), self.logs)]
        job_manager = self._own("job-manager", cluster.launch_job_manager(), self._start_job_manager_again)
        task_managers = [self._own_task_manager(number) for number in numbers]
        wait_for_broker(broker, port, settings.path("kafka"), secret)
        hold_back_second_compiler([broker, job_manager, *task_managers])
        make_topics(settings)
        self.release = publish(settings, self._texts, self._replace)
        self._say(f"broker is up, release {self.release} is in force ({time.monotonic() - began:.1f} s)")
        self._wait_for([server for server in servers if server.early], began)
        carry_over_earlier(settings, self._say)
        self._wait_for_kernels(kernels)
        checkpoint = cluster.newest_checkpoint("score")
        submission = self._processes.add(launch_submission(self.logs, self.environment(), checkpoint))
        for name, module in BACKGROUND.items():
            start = functools.partial(self._python, name, module)
            self._own(name, start(), start)
        api = self._own("api", self._python("api", "api.server"), functools.partial(self._python, "api", "api.server"))
        cluster.wait_for_job_manager(job_manager)
        for number, task_manager in zip(numbers, task_managers, strict=True):
            cluster.wait_for_task_manager(task_manager, number)
        self._say(f"flink is up ({time.monotonic() - began:.1f} s)")
        wait_until_submitted(submission, cluster, self.logs)
        self._processes.forget(submission)
        self._say_up(began, checkpoint)
        self._wait_for_api(api)
        self._wait_for([server for server in servers if not server.early], began)
        self._say(f"everything is up ({time.monotonic() - began:.1f} s)")
        self._start_delivery()
        self._yielding.step(self._processes.all)

    def _wait_for_kernels(self, kernels: Sequence[Process]) -> None:
        """Waits until the kernels are compiled, because otherwise each process would compile them itself."""
        for each in kernels:
            each.wait_for_end(COMPILE_SECONDS_MAX)
            self._processes.forget(each)

    def _own(self, name: str, process: Process, start: Callable[[], Process]) -> Process:
        self._starts[name] = start
        return self._processes.add(process)

    def _wait_for(self, servers: list[StoreServer], began: float) -> None:
        for server in servers:
            self._say(f"{server.wait()} ({time.monotonic() - began:.1f} s)")

    def _own_task_manager(self, number: int, background: bool = False) -> Process:
        start = functools.partial(self.cluster.start_task_manager, number, background)
        return self._own(task_manager_name(number), self.cluster.launch_task_manager(number, background), start)

    def _submit(self) -> None:
        began = time.monotonic()
        checkpoint = self.cluster.newest_checkpoint("score")
        submit_score_job(self.cluster, self.logs, self.environment(), checkpoint)
        self._say_up(began, checkpoint)

    def _say_up(self, began: float, checkpoint: pathlib.Path | None) -> None:
        self._say(f"score job is up ({time.monotonic() - began:.1f} s{', from its newest checkpoint' if checkpoint else ''})")

    def _start_job_manager_again(self) -> Process:
        """Starts the JobManager again. It knows no job and all slots are free, so no job may be submitted before the score job."""
        self._delivery.stop()
        started = self.cluster.start_job_manager()
        self._to_submit = True
        return started

    def _submit_again(self) -> None:
        """Submits all jobs to a JobManager that was started again, or that has given the score job's slot to another job.

        The jobs of an earlier try are ended first, because a second score job would decide everything twice once it gets a slot. The
        score job is submitted before there are slots with a low priority, so that it cannot get one of these.
        """
        wait_seconds = self._patience.tried("submission")
        try:
            end_all_jobs(self.cluster.rest)
            for number in self._delivery.task_managers(self.settings.parallelism):
                for process in [each for each in self._processes.all if each.name == task_manager_name(number)]:
                    process.stop()
                    self._processes.forget(process)
            self._submit()
            self._start_delivery()
        except Exception as error:  # any error may pass, and the processes that run go on
            self._say(f"the jobs could not be submitted, and it is tried again in {wait_seconds:g} s: {error}")
        else:
            self._to_submit = False

    def _start_delivery(self) -> None:
        for number in self._delivery.task_managers(self.settings.parallelism):
            self._own_task_manager(number, background=True)
        self._delivery.submit(self.environment())

    def _wait_for_api(self, process: Process) -> None:
        address = self.settings.api_address()
        process.wait_until(lambda: answers(address, "/health"), READY_SECONDS_MAX, f"an answer at {address}")
        process.wait_until(lambda: answers(address, "/ready"), READY_SECONDS_MAX, "a ready system")

    def _keep_delivering(self) -> None:
        if self._to_submit:  # a delivery job would take the slot of the score job
            return
        if said := self._delivery.check(self.environment()):
            self._say(said)

    def _keep_placed(self) -> None:
        if not self._to_submit and self._placement.is_wrong():
            self._say("a job that delivers has the slot of the score job, so all jobs are submitted again")
            self._to_submit = True

    def _own_numbers(self) -> range:
        """The numbers of the score job's TaskManagers."""
        return range(1, self.settings.parallelism + 1)

    def _start_order(self, process: Process) -> int:
        """The position of `process` in the order of the first start, in which the score job's processes come before delivery's."""
        return list(self._starts).index(process.name) if process.name in self._starts else len(self._starts)

    def _keep_compacted(self) -> None:
        self._compaction.check(self.environment())

    def _python(self, name: str, module: str) -> Process:
        return Process(name, [sys.executable, "-m", module], self.environment(), self.logs, PROJECT, background=name in BACKGROUND)

    def environment(self) -> dict[str, str]:
        """The environment of the processes of this system: the settings, and the path on which Python finds the project."""
        return self.cluster.environment() | settings_as_environment(self.settings) | {"PYTHONUNBUFFERED": "1"}


def free_settings(folder: pathlib.Path, **values: object) -> Settings:
    """Settings of a system in `folder` on ports that nobody uses now; `values` are other settings."""
    broker_port, api_port, flink_port, cassandra_port, druid_port, druid_coordinator_port, hdfs_port, hdfs_web_port, database_port = (
        free_ports(9)
    )
    given = {"bootstrap": f"127.0.0.1:{broker_port}", "api_port": api_port, "flink_port": flink_port, "folder": str(folder)}
    given |= {"cassandra_port": cassandra_port, "database_port": database_port}
    given |= {"druid_port": druid_port, "druid_coordinator_port": druid_coordinator_port}
    given |= {"hdfs_port": hdfs_port, "hdfs_web_port": hdfs_web_port}
    return msgspec.convert(given | values, Settings)
