"""What a system says holds up nothing where nobody reads it."""

import os
import pathlib
import subprocess
import sys
import textwrap

from deploy.machine.jars import PROJECT

SECONDS_MAX = 120
RUN = textwrap.dedent(
    """
    import os, signal, sys
    from deploy.commands.running import run_until_interrupted
    from deploy.machine.saying import StandardOutput
    from foundation.settings import Settings

    class System:
        looks = 0

        def __init__(self):
            self.say = StandardOutput().say

        def start(self):
            for number in range(3_000):
                self.say(f"line {number} " + "x" * 9_000 * (number % 2))

        def keep_running(self):
            self.say("looked")
            self.looks += 1
            if self.looks == 3:
                os.kill(os.getpid(), signal.SIGTERM)

        def stop(self):
            sys.stderr.write(f"{self.looks} looks")

    run_until_interrupted(Settings(folder=sys.argv[1]), System, lambda settings: "where it is")
    """
)


def test_a_pipe_that_nobody_reads_holds_up_neither_the_watcher_nor_the_end(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-c", RUN, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PROJECT, text=True) as program:
        assert program.stderr is not None
        assert program.stdout is not None
        try:
            program.wait(SECONDS_MAX)
        finally:
            program.kill()
        assert program.stderr.read() == "3 looks"
        read = program.stdout.read().splitlines()
    assert read[:3:2] == ["line 0 ", "line 2 "]
    assert 10 < len(read) < 3_000
    assert max(map(len, read)) == 4_000


AGAIN = textwrap.dedent(
    """
    import sys
    from deploy.machine.saying import StandardOutput

    out = StandardOutput()
    for _ in range(40):
        out.say("x" * 4_000)
    sys.stderr.write("said\\n")
    sys.stderr.flush()
    input()
    out.say("again")
    """
)


def test_a_reader_that_comes_back_is_told_how_many_lines_are_lacking() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", AGAIN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PROJECT
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stderr.readline() == b"said\n"
        taken = os.read(program.stdout.fileno(), 1 << 20)
        program.stdin.write(b"\n")
        program.stdin.flush()
        rest = program.stdout.read().splitlines()
    lacking = 40 - taken.count(b"\n")
    assert lacking > 0
    assert rest == [f"{lacking} lines are lacking here, because nobody read them in time".encode(), b"again"]
