"""Reads ``window:`` of features.yaml as a `Window` that suits the template."""

from typing import NoReturn

from features.definitions.template import Template
from features.definitions.window import CALENDAR, CALENDAR_UNITS, LAST, SESSION, SLIDING, UNBOUNDED, Window
from features.definitions.zone import read_zone
from foundation.document import Section

FORMS = {
    "sliding": "a length such as 24h",
    "delay": "{length: 7d, delay: 7d}",
    "calendar": "{calendar: day, zone: Europe/Paris}",
    "session": "{session: 30m}",
    "last": "{last: 20}",
    "unbounded": "unbounded",
}
"""Forms of windows and how each is written; ``delay`` is a sliding window that ends some time before the event."""

LENGTH_MAX_MS = 36_525 * 86_400_000
LAST_MAX = 100_000
_FIELDS = ("length", "delay", "calendar", "zone", "session", "last")
_FORM_OF = {"length": "sliding", "delay": "sliding", "calendar": "calendar", "zone": "calendar", "session": "session", "last": "last"}


def read_window(section: Section, template: Template) -> Window:
    """Reads the window that `section` describes.

    Raises:
        Refusal: this is no window, mixes two forms, is out of range, or makes no sense for `template`.
    """
    form = _form(section)
    _check(section, form, template)
    if form == "unbounded":
        return Window(UNBOUNDED)
    if form == "calendar":
        unit = section.at("calendar").choice(CALENDAR_UNITS)
        return Window(CALENDAR, unit=unit, zone=read_zone(section.at("zone")) if section.has("zone") else "UTC")
    if form == "session":
        return Window(SESSION, read_length_ms(section.at("session")))
    if form == "last":
        return Window(LAST, count=section.at("last").integer(1, LAST_MAX))
    if not section.is_mapping():
        return Window(SLIDING, read_length_ms(section))
    length_ms = read_length_ms(section.at("length"))
    if not section.has("delay"):
        return Window(SLIDING, length_ms)
    _check(section.at("delay"), "delay", template)
    return Window(SLIDING, length_ms, read_length_ms(section.at("delay"), least_ms=0))


def read_length_ms(section: Section, least_ms: int = 1) -> int:
    """Reads a length of time from `least_ms` to a hundred years, both inclusive, in milliseconds."""
    length_ms = section.duration_ms(least_ms)
    if length_ms > LENGTH_MAX_MS:
        section.refuse("too long", f"at most {LENGTH_MAX_MS // 86_400_000}d", remedy="write window: unbounded for all rows ever")
    return length_ms


def _form(section: Section) -> str:
    if not section.is_mapping():
        text = section.plain()
        if text == "unbounded":
            return "unbounded"
        if isinstance(text, str) and text in _FORM_OF:
            section.refuse("not finished", FORMS[_FORM_OF[text]], text)
        if not isinstance(text, str) or not text[:1].lstrip("-").isdigit():
            _refuse_no_window(section)
        return "sliding"
    section.only(*_FIELDS)
    forms = list(dict.fromkeys(_FORM_OF[name] for name in section.names()))
    if not forms:
        _refuse_no_window(section)
    if len(forms) > 1:
        expected = " or ".join(FORMS[form] for form in forms)
        section.refuse("two windows in one", expected, ", ".join(section.names()))
    return forms[0]


def _refuse_no_window(section: Section) -> NoReturn:
    near = "did you mean unbounded?" if str(section.plain()).startswith(("unb", "all", "inf", "ever", "none", "None")) else ""
    forms = ", ".join(list(FORMS.values())[1:])
    section.refuse("not a window", f"a whole number with a unit: ms, s, m, h, d or w; or {forms}", remedy=near)


def _check(section: Section, form: str, template: Template) -> None:
    reason = template.unsuited.get(form)
    if reason is None:
        return
    suited = [written for known, written in FORMS.items() if known not in template.unsuited]
    what = "delay" if form == "delay" else f"{form} window"
    section.refuse(f"{what} makes no sense for {template.name}", " or ".join(suited), remedy=reason)
