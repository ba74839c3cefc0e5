"""Writes a savepoint of today's score job, with what the job decides afterwards: see test_savepoints_of_earlier_versions.py.

Run it with the sources of a version before its state is changed::

    python tests/integration/make_savepoint.py tests/integration/savepoints/NAME
"""

import pathlib
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[2])]

from flink_servers import FlinkServers  # noqa: E402 - found by the line above
from saved_job import record  # noqa: E402

from deploy.machine.ports import free_ports  # noqa: E402
from deploy.machine.processes import Processes  # noqa: E402
from deploy.servers.broker import start_broker  # noqa: E402
from deploy.servers.flink_files import LOCAL_FILES  # noqa: E402


def main(kept: pathlib.Path) -> None:
    """Starts a broker and a cluster, and keeps a new savepoint in `kept`."""
    with tempfile.TemporaryDirectory() as place, Processes() as processes:
        folder = pathlib.Path(place)
        port, controller_port = free_ports(2)
        processes.add(start_broker(folder / "broker", folder / "logs", port, controller_port))
        flink = FlinkServers(folder / "flink", LOCAL_FILES)
        with flink.processes:
            flink.scale(1)
            (folder / "system").mkdir()
            record(f"127.0.0.1:{port}", flink, folder / "system", f"{kept.name}.", kept.absolute())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
