import os
import pathlib
from collections.abc import Iterator

import pytest
from forked_python import ForkedPython

from foundation import kernel_cache
from foundation.cache_folder import cache_folder
from foundation.kernel_cache import digest_of

pytestmark = pytest.mark.slow

_RUN = """
import sys
sys.dont_write_bytecode = True
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


@pytest.fixture(scope="module")
def python() -> Iterator[ForkedPython]:
    """Forks with numba, whose import and first compiling take longer than all that these tests compile."""
    python = ForkedPython("import numba, foundation.kernel_cache; numba.njit(lambda x: x + 1)(1)")
    yield python
    python.close()


class Planted:
    """A package with a kernel whose part stands in another module.

    Args:
        folder: where the package is made.
        kernels: where machine code is kept; a file there keeps it from being written.
        python: runs what uses the package.
    """

    def __init__(self, folder: pathlib.Path, kernels: pathlib.Path, python: ForkedPython) -> None:
        self.root, self.package = folder, folder / "planted"
        self.kernels, self._python = kernels, python
        self.package.mkdir(parents=True)
        (self.package / "__init__.py").touch()
        (self.package / "entry.py").write_text(_ENTRY)
        (self.package / "elsewhere.py").write_text("x = 1\n")
        self.write_part(1)

    def write_part(self, number: int, comment: str = "", docstring: str = "") -> None:
        text = f"import numba\n\n@numba.njit\ndef part(x):{comment}\n{docstring}    return x + {number}\n"
        (self.package / "part.py").write_text(text)

    def run(self, name: str = "twice_the_part", module: str = "entry") -> tuple[float, int]:
        """Returns what the kernel of that name answers, and how often its machine code came from the disk."""
        program = _RUN.format(package=str(self.root), module=module).replace("twice_the_part", name)
        answer, hits = self._python.run(program, {"NUMBA_CACHE_DIR": str(self.kernels)}).split()
        return float(answer), int(hits)


@pytest.fixture
def planted(python: ForkedPython, tmp_path: pathlib.Path) -> Planted:
    return Planted(tmp_path / "checkout", tmp_path / "kernels", python)


def test_a_second_process_loads_what_the_first_has_compiled(planted: Planted) -> None:
    assert [planted.run(), planted.run()] == [(4, 0), (4, 1)]


def test_a_change_of_a_part_is_in_force_at_once(planted: Planted) -> None:
    planted.run()
    planted.write_part(10)
    assert planted.run() == (22, 0)


def test_a_change_elsewhere_compiles_nothing(planted: Planted) -> None:
    planted.run()
    (planted.package / "elsewhere.py").write_text("x = 2\n")
    assert planted.run() == (4, 1)


def test_other_words_compile_nothing(planted: Planted) -> None:
    planted.run()
    documented = _ENTRY.replace("(x):", '(x):\n    """Why."""\n')
    (planted.package / "entry.py").write_text('"""What the module says of itself."""\n# Why.\n' + documented)
    planted.write_part(1, "  # a reason", '    """Says what it adds."""\n')
    assert planted.run() == (4, 1)


@pytest.mark.parametrize("change", [("return part(x) * 2", "return part(x) * 2.0"), ("* 2", "* -2"), ("part(x) *", "part(x + 1) *")])
def test_a_change_of_what_the_code_does_compiles_anew(planted: Planted, change: tuple[str, str]) -> None:
    planted.run()
    (planted.package / "entry.py").write_text(_ENTRY.replace(*change))
    assert planted.run()[1] == 0


def test_a_module_that_moves_compiles_anew_for_kernels_name_their_module(planted: Planted) -> None:
    planted.run()
    (planted.package / "moved").mkdir()
    (planted.package / "entry.py").rename(planted.package / "moved" / "entry.py")
    assert planted.run(module="moved.entry") == (4, 0)


def test_two_functions_of_one_name_in_a_module_are_told_apart(planted: Planted) -> None:
    again = "first = twice_the_part\n" + _ENTRY.split("import part\n")[1].replace("* 2", "* 3")
    (planted.package / "entry.py").write_text(_ENTRY + again)
    assert [planted.run("first"), planted.run(), planted.run()] == [(4, 0), (6, 0), (6, 1)]


def test_another_checkout_of_the_same_sources_shares_the_kernels(planted: Planted) -> None:
    planted.run()
    planted.root = planted.root.rename(planted.root.with_name("other"))
    assert planted.run() == (4, 1)


def test_a_folder_that_cannot_be_written_costs_a_compilation_and_nothing_else(planted: Planted) -> None:
    planted.kernels.touch()  # a file where the folder should be
    assert [planted.run(), planted.run()] == [(4, 0), (4, 0)]


def test_kernels_that_nothing_has_loaded_for_a_month_are_deleted(planted: Planted) -> None:
    old, fresh = planted.kernels / "old", planted.kernels / "fresh"
    for folder in (old, fresh):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    planted.run()
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
