"""Lists every setting with its meaning, which is read from the docstring of `Settings`, so that the list cannot be out of date."""

import inspect
import re

from deploy.machine.system_settings import system_settings
from foundation.settings import Settings

_ARGUMENT = re.compile(r"^    (\w+): (.+?)(?=^    \w+: |\Z)", re.MULTILINE | re.DOTALL)


def meanings() -> dict[str, str]:
    """The meaning of each setting, from the docstring of `Settings`."""
    text = inspect.getdoc(Settings) or ""
    arguments = text.partition("Args:")[2]
    return {name: " ".join(meaning.split()) for name, meaning in _ARGUMENT.findall(arguments)}


def settings_page() -> str:
    """One line for each setting: its environment variable, its value now and its meaning."""
    now = system_settings()
    said = meanings()
    rows = [("WEIR_" + name.upper(), str(getattr(now, name)) or "(none)", said.get(name, "")) for name in Settings.__struct_fields__]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {meaning}" for name, value, meaning in rows)
