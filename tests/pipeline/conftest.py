import importlib.util
import pathlib
import sys
from types import ModuleType


def _load(name: str) -> ModuleType:
    """Makes a helper beside the tests importable; the tests themselves are no package."""
    spec = importlib.util.spec_from_file_location(name, pathlib.Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


for helper in ("imitation", "written_definitions", "nasty_events", "strange_releases", "live_rows", "planted_rules"):
    _load(helper)
