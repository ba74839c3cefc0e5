"""Threads give way by their names, whenever they get these."""

import os
import pathlib
import sys
import time

from deploy.machine.processes import Process, Processes
from deploy.machine.yielding import Yielding, hold_back_second_compiler

NAMED_LATE = """
import pathlib, threading, time

def name(thread_name):
    pathlib.Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(thread_name)

def made(folder):
    (folder / "begun").write_text(str(threading.get_native_id()))
    while not (folder / "go").exists():
        time.sleep(0.01)
    name("AsyncOperations")
    (folder / "named").write_text("done")
    time.sleep(600)

def maker(folder):
    name("Source: events")
    threading.Thread(target=made, args=[folder]).start()
    time.sleep(600)

name("java")
threading.Thread(target=maker, args=[pathlib.Path.cwd()]).start()
time.sleep(600)
"""
"""A program named like Java, with a thread that bears its maker's name until a file says go."""


def text_of(file: pathlib.Path) -> str:
    """What the program has written into `file`, once it has."""
    end = time.monotonic() + 60
    while not file.exists() or not file.read_text():
        assert time.monotonic() < end, f"{file} is not written"
        time.sleep(0.01)
    return file.read_text()


def test_a_thread_that_was_seen_under_its_makers_name_gives_way_once_it_has_its_own(tmp_path: pathlib.Path) -> None:
    with Processes() as processes:
        program = processes.add(Process("java", [sys.executable, "-c", NAMED_LATE], os.environ, tmp_path / "logs", tmp_path))
        thread = int(text_of(tmp_path / "begun"))
        before = os.getpriority(os.PRIO_PROCESS, thread)
        yielding = Yielding()
        yielding.step([program])
        assert os.getpriority(os.PRIO_PROCESS, thread) == before
        (tmp_path / "go").touch()
        text_of(tmp_path / "named")
        yielding.step([program])
        assert os.getpriority(os.PRIO_PROCESS, thread) == 19


COMPILERS = """
import pathlib, threading, time

def named(name, place):
    pathlib.Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(name)
    place.write_text(str(threading.get_native_id()))
    time.sleep(600)

for name in ("C1 CompilerThre", "C2 CompilerThre"):
    threading.Thread(target=named, args=[name, pathlib.Path(name[:2])]).start()
"""
"""A program with threads named like Java's two compilers."""


def test_of_a_process_that_is_starting_the_second_compiler_alone_gives_way(tmp_path: pathlib.Path) -> None:
    with Processes() as processes:
        program = processes.add(Process("java", [sys.executable, "-c", COMPILERS], os.environ, tmp_path / "logs", tmp_path))
        first, second = (int(text_of(tmp_path / name)) for name in ("C1", "C2"))
        before = os.getpriority(os.PRIO_PROCESS, first)
        hold_back_second_compiler([program])
        assert os.getpriority(os.PRIO_PROCESS, first) == before
        assert os.getpriority(os.PRIO_PROCESS, second) == 19


def test_a_process_that_has_ended_is_passed_over(tmp_path: pathlib.Path) -> None:
    program = Process("java", [sys.executable, "-c", ""], os.environ, tmp_path / "logs", tmp_path)
    program.wait_for_end(60)
    hold_back_second_compiler([program])
