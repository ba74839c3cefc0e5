import importlib.util
import pathlib
import sys


def _load(name: str) -> None:
    """Makes a helper beside the tests importable; the tests themselves are no package."""
    spec = importlib.util.spec_from_file_location(name, pathlib.Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


_load("conformance_cases")
_load("published_grammar")
_load("written_expressions")
