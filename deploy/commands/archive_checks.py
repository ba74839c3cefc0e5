"""What is wrong with the archive of a running system."""

from deploy.machine.ports import is_open
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.sinks.archive_access import archive_of
from stores.decisions import StoreUnavailableError

SECONDS_MAX = 5.0
_REMEDIES = {
    "hdfs": "; `weir up --profile full` starts an HDFS of this machine",
    "s3": "; AWS_ENDPOINT_URL, AWS_REGION and AWS_ACCESS_KEY_ID or ~/.aws name the storage and who asks",
}


def archive_problem(settings: Settings) -> str:
    """'' while the archive answers, where the settings name one and the system runs; else what is wrong."""
    if not settings.archive_url or not is_open(settings.api_port):
        return ""
    try:
        archive_of(settings, SECONDS_MAX).day_names("events")
    except (StoreUnavailableError, Refusal) as error:
        remedy = _REMEDIES.get(settings.archive_url.partition(":")[0], "")
        return f"WEIR_ARCHIVE_URL={settings.archive_url} does not answer: {error}; the archive job waits and loses nothing{remedy}"
    return ""
