"""Every setting with its meaning, read from where it is declared, so that no second list can fall behind."""

import inspect
import re

from foundation.settings import Settings, read_settings

_ARGUMENT = re.compile(r"^    (\w+): (.+?)(?=^    \w+: |\Z)", re.MULTILINE | re.DOTALL)


def meanings() -> dict[str, str]:
    """What each setting means, from the docstring of `Settings`."""
    text = inspect.getdoc(Settings) or ""
    arguments = text.partition("Args:")[2]
    return {name: " ".join(meaning.split()) for name, meaning in _ARGUMENT.findall(arguments)}


def settings_page() -> str:
    """One line a setting: variable, value now, meaning."""
    now = read_settings()
    said = meanings()
    rows = [("WEIR_" + name.upper(), str(getattr(now, name)) or "(none)", said.get(name, "")) for name in Settings.__struct_fields__]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {meaning}" for name, value, meaning in rows)
