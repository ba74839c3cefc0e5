"""The checkpoints that the runs of a job leave behind: finding the newest, and deleting those that are no longer needed."""

import pathlib
import shutil
from collections.abc import Collection


def newest_checkpoint(folder: pathlib.Path) -> pathlib.Path | None:
    """The newest complete checkpoint of all runs of a job, each of which has a folder in `folder`; None before the first checkpoint.

    Each run starts from the newest checkpoint and counts on from its number. So numbers are compared, and not file times, which depend on
    the clock.
    """
    done = [path.parent for path in folder.glob("*/chk-*/_metadata") if path.parent.name[4:].isdigit()]
    return max(done, key=lambda path: (int(path.name[4:]), (path / "_metadata").stat().st_mtime_ns), default=None)


def forget_earlier_runs(folder: pathlib.Path, running: Collection[str]) -> list[str]:
    """Deletes the folders of earlier runs, whose checkpoints are older than the newest one; gives their names.

    Args:
        folder: see `newest_checkpoint`.
        running: the ids of the runs that have not ended. Nothing is deleted unless one of them has the newest checkpoint, because an
            earlier run's checkpoint may still be needed until then.
    """
    newest = newest_checkpoint(folder)
    if newest is None or newest.parent.name not in running:
        return []
    gone = [path for path in folder.iterdir() if path.is_dir() and path.name not in running]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    return [path.name for path in gone]
