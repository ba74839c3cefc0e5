"""What Flink needs beyond its own to write files elsewhere than on this machine."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stores.archive.archive_s3 import s3_place

_S3_SILENCE_MS_MAX = 10_000


class FlinkFiles(NamedTuple):
    """Additions to a cluster; none for local files."""

    libraries: Sequence[str] = ()
    """Folders of deploy/servers whose jars are on the class path of all."""
    plugins: Sequence[str] = ()
    """Those whose jars Flink loads beside the class path, each folder by itself: they have a Hadoop of their own inside."""
    configuration: Mapping[str, str] = {}
    """Flink's own settings. No credentials: they stay in the environment of the processes."""
    environment: Mapping[str, str] = {}
    """Of all processes of the cluster, and of those that submit to it."""


LOCAL_FILES = FlinkFiles()


def needed_for(archive_url: str) -> FlinkFiles:
    """What the archive at `archive_url` takes.

    Raises:
        Refusal: it is on S3, and the environment names no possible endpoint.
    """
    scheme = archive_url.partition(":")[0]
    if scheme == "hdfs":
        return FlinkFiles(libraries=("hadoop-client",))
    return FlinkFiles(plugins=("flink-s3",), configuration=_s3_configuration()) if scheme == "s3" else LOCAL_FILES


def _s3_configuration() -> dict[str, str]:
    endpoint, region = s3_place()
    chosen = {
        # Hadoop's own choice reads no ~/.aws.
        "fs.s3a.aws.credentials.provider": "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
        "fs.s3a.endpoint.region": region,
        # A storage that stands still is asked again after this; Hadoop waits 200 s.
        "fs.s3a.connection.timeout": str(_S3_SILENCE_MS_MAX),
        # Behind each file Hadoop would delete what may stand for its folders: requests for nothing, which some storages refuse.
        "fs.s3a.directory.marker.retention": "keep",
    }
    if endpoint:  # others than Amazon have no host name for each bucket
        chosen |= {"fs.s3a.endpoint": endpoint, "fs.s3a.path.style.access": "true"}
    return chosen
