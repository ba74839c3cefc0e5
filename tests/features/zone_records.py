"""The changes of clocks as the zone database's own files have them, beside what `zoneinfo` makes of them."""

import importlib.resources
import pathlib
import struct
import zoneinfo

_HEADER = struct.Struct(">4sc15x6I")


def changes_of(zone: str) -> list[int]:
    """Seconds since the epoch, from 1970 on, at which the zone's file says that something changes; most are changes of the clock."""
    content = _file_of(zone)
    _, _, utc_flags, standard_flags, leaps, times, types, characters = _HEADER.unpack_from(content)
    second = _HEADER.size + times * 5 + types * 6 + characters + leaps * 8 + standard_flags + utc_flags
    times = _HEADER.unpack_from(content, second)[5]
    return [time for time in struct.unpack_from(f">{times}q", content, second + _HEADER.size) if time >= 0]


def _file_of(zone: str) -> bytes:
    for folder in zoneinfo.TZPATH:
        if (file := pathlib.Path(folder, zone)).is_file():
            return file.read_bytes()
    return (importlib.resources.files("tzdata") / "zoneinfo" / zone).read_bytes()
