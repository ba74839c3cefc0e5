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


_load("bad_events")
_load("strange_documents")
_load("zone_records")
_load("reading_oracle")
_load("oracle_view")
_load("oracle_templates")
_load("oracle")
_load("template_streams")
