import os
import pathlib
import subprocess
import sys

import pytest

from foundation import kernel_cache
from foundation.cache_folder import cache_folder
from foundation.kernel_cache import digest_of

_RUN = """
import sys
sys.path.insert(0, {project!r})
sys.path.insert(0, {package!r})
from foundation import kernel_cache
import pathlib
kernel_cache.PROJECT = pathlib.Path({package!r})
from planted.{module} import twice_the_part
print(twice_the_part(1), sum(twice_the_part.stats.cache_hits.values()))
"""
_ENTRY = """
import numba
from foundation.kernel_cache import keep_on_disk
from planted.part import part

@keep_on_disk
@numba.njit
def twice_the_part(x):
    return part(x) * 2
"""


@pytest.fixture
def planted(tmp_path: pathlib.Path) -> pathlib.Path:
    """A package with a kernel whose part stands in another module."""
    package = tmp_path / "checkout"
    (package / "planted").mkdir(parents=True)
    (package / "planted" / "__init__.py").touch()
    (package / "planted" / "entry.py").write_text(_ENTRY)
    _write_part(package, 1)
    (package / "planted" / "elsewhere.py").write_text("x = 1\n")
    return package


def test_a_second_process_loads_what_the_first_has_compiled(planted: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert [_run(planted, tmp_path), _run(planted, tmp_path)] == [(4, 0), (4, 1)]


def test_a_change_of_a_part_is_in_force_at_once(planted: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _run(planted, tmp_path)
    _write_part(planted, 10)
    assert _run(planted, tmp_path) == (22, 0)


def test_a_change_elsewhere_compiles_nothing(planted: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _run(planted, tmp_path)
    (planted / "planted" / "elsewhere.py").write_text("x = 2\n")
    assert _run(planted, tmp_path) == (4, 1)


def test_other_words_compile_nothing(planted: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _run(planted, tmp_path)
    documented = _ENTRY.replace("(x):", '(x):\n    """Why."""\n')
    (planted / "planted" / "entry.py").write_text('"""What the module says of itself."""\n# Why.\n' + documented)
    _write_part(planted, 1, "  # a reason", '    """Says what it adds."""\n')
    assert _run(planted, tmp_path) == (4, 1)


@pytest.mark.parametrize("change", [("return part(x) * 2", "return part(x) * 2.0"), ("* 2", "* -2"), ("part(x) *", "part(x + 1) *")])
def test_a_change_of_what_the_code_does_compiles_anew(planted: pathlib.Path, tmp_path: pathlib.Path, change: tuple[str, str]) -> None:
    _run(planted, tmp_path)
    (planted / "planted" / "entry.py").write_text(_ENTRY.replace(*change))
    assert _run(planted, tmp_path)[1] == 0


def test_a_module_that_moves_compiles_anew_for_kernels_name_their_module(planted: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _run(planted, tmp_path)
    (planted / "planted" / "moved").mkdir()
    (planted / "planted" / "entry.py").rename(planted / "planted" / "moved" / "entry.py")
    assert _run(planted, tmp_path, module="moved.entry") == (4, 0)


def test_two_functions_of_one_name_in_a_module_are_told_apart(planted: pathlib.Path, tmp_path: pathlib.Path) -> None:
    again = "first = twice_the_part\n" + _ENTRY.split("import part\n")[1].replace("* 2", "* 3")
    (planted / "planted" / "entry.py").write_text(_ENTRY + again)
    assert [_run(planted, tmp_path, "first"), _run(planted, tmp_path), _run(planted, tmp_path)] == [(4, 0), (6, 0), (6, 1)]


def test_another_checkout_of_the_same_sources_shares_the_kernels(planted: pathlib.Path, tmp_path: pathlib.Path) -> None:
    _run(planted, tmp_path)
    other = planted.rename(tmp_path / "other")
    assert _run(other, tmp_path) == (4, 1)


def test_a_folder_that_cannot_be_written_costs_a_compilation_and_nothing_else(planted: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "kernels").touch()  # a file where the folder should be
    assert [_run(planted, tmp_path), _run(planted, tmp_path)] == [(4, 0), (4, 0)]


def test_kernels_that_nothing_has_loaded_for_a_month_are_deleted(planted: pathlib.Path, tmp_path: pathlib.Path) -> None:
    old, fresh = tmp_path / "kernels" / "old", tmp_path / "kernels" / "fresh"
    for folder in (old, fresh):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    _run(planted, tmp_path)
    assert not old.exists()
    assert fresh.exists()


def test_the_folder_is_the_users_own_unless_another_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "weir" / "kernels"


def test_the_windows_kernel_depends_on_its_parts_and_not_on_the_decoder() -> None:
    kernel = kernel_cache.PROJECT / "features" / "kernel" / "kernel.py"
    sources = _sources(kernel)
    assert kernel_cache.PROJECT / "features" / "windows" / "window_moves.py" in sources
    assert kernel_cache.PROJECT / "features" / "schema" / "decode.py" not in sources
    assert len(digest_of(kernel)) == 64


def _sources(source: pathlib.Path) -> set[pathlib.Path]:
    found: set[pathlib.Path] = set()
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += kernel_cache._code_of(path).imports
    return found


def _write_part(package: pathlib.Path, number: int, comment: str = "", docstring: str = "") -> None:
    text = f"import numba\n\n@numba.njit\ndef part(x):{comment}\n{docstring}    return x + {number}\n"
    (package / "planted" / "part.py").write_text(text)


def _run(package: pathlib.Path, tmp_path: pathlib.Path, name: str = "twice_the_part", module: str = "entry") -> tuple[float, int]:
    """Returns what the kernel of that name answers, and how often its machine code came from the disk."""
    program = _RUN.format(project=str(kernel_cache.PROJECT), package=str(package), module=module).replace("twice_the_part", name)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kernels"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer, hits = done.stdout.split()
    return float(answer), int(hits)
