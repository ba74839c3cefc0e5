"""What is wrong with the archive of a running system."""

from deploy.ports import is_open
from features.refusal import Refusal
from pipeline.settings import Settings
from stores.archive import open_archive
from stores.decisions import StoreUnavailableError

SECONDS_MAX = 5.0


def archive_problem(settings: Settings) -> str:
    """'' while the archive answers, where the settings name one and the system runs; else what is wrong."""
    if not settings.archive_url or not is_open(settings.api_port):
        return ""
    try:
        open_archive(settings.archive_url, SECONDS_MAX).day_names("events")
    except (StoreUnavailableError, Refusal) as error:
        remedy = "the archive job waits and loses nothing; `weir up --profile full` starts an HDFS of this machine"
        return f"WEIR_ARCHIVE_URL={settings.archive_url} does not answer: {error}; {remedy}"
    return ""
