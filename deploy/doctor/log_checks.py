"""The check of `weir doctor` that looks at the logs of a solo system."""

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.log.log_folder import INBOX, INPUT, LOGS, OUTPUT, SIDE
from pipeline.log.segments import Segments


def log_problem(settings: Settings) -> str:
    """Says what is wrong with the logs, '' if nothing is: their files are all there, and of this version. It reads no payloads."""
    for name in (INPUT, OUTPUT, SIDE, INBOX):
        segments = Segments(settings.path(*LOGS) / name)
        try:
            segments.refresh()
        except (Refusal, OSError) as problem:
            return str(problem)
        finally:
            segments.close()
    return ""
