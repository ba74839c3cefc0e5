"""Reads names of zones of the IANA database."""

import difflib
import zoneinfo

from foundation.document import Section


def read_zone(section: Section) -> str:
    """Reads the name of a zone.

    Raises:
        Refusal: there is no such zone.
    """
    zone = section.text()
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(zone, sorted(zoneinfo.available_timezones()), n=1)
        section.refuse("unknown zone", "an IANA zone such as Europe/Paris", zone, f"did you mean {near[0]}?" if near else "")
    return zone
