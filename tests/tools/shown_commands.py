"""Runs the commands of a page: those of Weir in this process, which has loaded all that they use, and others in a shell."""

import contextlib
import pathlib
import shlex
import subprocess

from click.testing import CliRunner

from deploy.command import main


def said_by(command: str, folder: pathlib.Path) -> tuple[int, str, str]:
    """The status with which `command` ends in `folder`, and what it says on standard output and standard error."""
    if command.startswith("weir "):
        with contextlib.chdir(folder):
            result = CliRunner().invoke(main, shlex.split(command)[1:], prog_name="weir")
        return result.exit_code, result.stdout, result.stderr
    done = subprocess.run(["bash", "-ec", command], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr
