import importlib.util
import pathlib
import sys


def make_importable(file: str, *places: str) -> None:
    """Makes modules importable by their names; the tests themselves are no package. One that is loaded already stays as it is.

    Args:
        file: of the caller.
        places: of the modules, from the caller's folder on, without ``.py``.
    """
    for place in places:
        name = pathlib.Path(place).name
        if name in sys.modules:
            continue
        spec = importlib.util.spec_from_file_location(name, pathlib.Path(file).parent / f"{place}.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
