"""The checkpoints that runs of a job leave behind: which is the newest, and which nobody needs any more."""

import pathlib
import shutil
from collections.abc import Collection


def newest_checkpoint(folder: pathlib.Path) -> pathlib.Path | None:
    """The newest complete checkpoint of any run of a job, whose runs each have a folder in `folder`; None before the first.

    Numbers go on from run to run, since each run starts from the newest: they tell more than the times of files, which go by a clock.
    """
    done = [path.parent for path in folder.glob("*/chk-*/_metadata") if path.parent.name[4:].isdigit()]
    return max(done, key=lambda path: (int(path.name[4:]), (path / "_metadata").stat().st_mtime_ns), default=None)


def forget_earlier_runs(folder: pathlib.Path, running: Collection[str]) -> list[str]:
    """Deletes the folders of runs whose checkpoints are older than the newest one; gives their names.

    Args:
        folder: see `newest_checkpoint`.
        running: ids of runs that have not ended. While none of them has the newest checkpoint nothing is deleted: it may yet be needed.
    """
    newest = newest_checkpoint(folder)
    if newest is None or newest.parent.name not in running:
        return []
    gone = [path for path in folder.iterdir() if path.is_dir() and path.name not in running]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    return [path.name for path in gone]
