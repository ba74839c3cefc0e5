"""The check of the archive of a running system."""

from deploy.machine.ports import is_open
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.sinks.archive_access import archive_of
from stores.decisions import StoreUnavailableError

SECONDS_MAX = 5.0
_REMEDIES = {
    "hdfs": "; `weir up --profile full` starts an HDFS on this machine",
    "s3": "; check AWS_ENDPOINT_URL, AWS_REGION and the credentials (AWS_ACCESS_KEY_ID or ~/.aws)",
}


def archive_problem(settings: Settings) -> str:
    """What is wrong with the archive; '' if it answers, if the settings name none, or if the system does not run."""
    if not settings.archive_url or not is_open(settings.api_port):
        return ""
    try:
        archive_of(settings, SECONDS_MAX).day_names("events")
    except (StoreUnavailableError, Refusal) as error:
        remedy = _REMEDIES.get(settings.archive_url.partition(":")[0], "")
        return f"WEIR_ARCHIVE_URL={settings.archive_url} does not answer: {error}; the archive job waits for it and loses nothing{remedy}"
    return ""
