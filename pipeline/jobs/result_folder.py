"""The folder in which jobs make their files: one folder for each attempt, so that two attempts never write the same file."""

import pathlib
import re
import shutil
from collections.abc import Callable

from foundation.settings import Settings
from stores.jobs import StoredJob

FOLDER = "jobs"
"""The folder of results, in that of the system."""
_ATTEMPT = re.compile(r"([0-9a-f]{32})-([0-9]+)", re.ASCII)


class ResultFolder:
    """Gives each attempt its folder, and removes those that nobody needs any more."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def of(self, job: StoredJob) -> pathlib.Path:
        """The folder of the newest attempt of `job`."""
        return self._path / f"{job.id}-{job.attempt}"

    def make(self, job: StoredJob) -> pathlib.Path:
        """Makes the folder of a new attempt, empty, which only this user may enter.

        Raises:
            OSError: the disk does not take it.
        """
        folder = self.of(job)
        shutil.rmtree(folder, ignore_errors=True)  # the database may be older than the folder, after a backup was restored
        folder.mkdir(mode=0o700, parents=True)
        return folder

    def remove(self, job: StoredJob) -> None:
        """Removes the folder of the newest attempt of `job`; what cannot be removed is left to `tidy`."""
        shutil.rmtree(self.of(job), ignore_errors=True)

    def file_of(self, job: StoredJob) -> pathlib.Path | None:
        """The file that `job` made; None if it made none."""
        return None if job.file is None else self.of(job) / job.file.name

    def tidy(self, get: Callable[[str], StoredJob | None]) -> int:
        """Removes the folders of attempts that neither run nor are the result of a job that is done; gives how many."""
        found = [(path, _ATTEMPT.fullmatch(path.name)) for path in self._path.iterdir()] if self._path.is_dir() else []
        gone = [path for path, named in found if named and not _is_needed(get(named[1]), int(named[2]))]
        for path in gone:
            shutil.rmtree(path, ignore_errors=True)
        return len(gone)

    def free_bytes(self) -> int:
        """The free space of the disk."""
        return shutil.disk_usage(self._path).free


def results_of(settings: Settings) -> ResultFolder:
    """The folder of the results of a system."""
    return ResultFolder(settings.path(FOLDER))


def bytes_in(folder: pathlib.Path) -> int:
    """The bytes of all files in `folder` and below; files that disappear meanwhile do not count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def _is_needed(job: StoredJob | None, attempt: int) -> bool:
    return job is not None and job.attempt == attempt and job.state in ("running", "done")
