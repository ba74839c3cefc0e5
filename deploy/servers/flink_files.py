"""The jars, plugins and settings that Flink needs to write files on other machines."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stores.archive.archive_s3 import s3_place

_S3_SILENCE_MS_MAX = 10_000


class FlinkFiles(NamedTuple):
    """Additions to a cluster; local files need none."""

    libraries: Sequence[str] = ()
    """The folders of deploy/servers whose jars are on the class path of all processes."""
    plugins: Sequence[str] = ()
    """The folders of deploy/servers whose jars Flink loads as plugins, because they contain a Hadoop of their own."""
    configuration: Mapping[str, str] = {}
    """Flink's settings; they hold no credentials, which stay in the environment of the processes."""
    environment: Mapping[str, str] = {}
    """Variables of all processes of the cluster and of clients that submit jobs."""


LOCAL_FILES = FlinkFiles()


def needed_for(archive_url: str) -> FlinkFiles:
    """The additions for an archive at `archive_url`.

    Raises:
        Refusal: it is on S3, and the endpoint in the environment is not valid.
    """
    scheme = archive_url.partition(":")[0]
    if scheme == "hdfs":
        return FlinkFiles(libraries=("hadoop-client",))
    return FlinkFiles(plugins=("flink-s3",), configuration=_s3_configuration()) if scheme == "s3" else LOCAL_FILES


def _s3_configuration() -> dict[str, str]:
    endpoint, region = s3_place()
    chosen = {
        # Hadoop's default does not read ~/.aws.
        "fs.s3a.aws.credentials.provider": "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
        "fs.s3a.endpoint.region": region,
        # A request to a storage that hangs is repeated after this time; Hadoop's default is 200 s.
        "fs.s3a.connection.timeout": str(_S3_SILENCE_MS_MAX),
        # Otherwise Hadoop deletes the markers of a file's folders after each file: requests without use, which some storages refuse.
        "fs.s3a.directory.marker.retention": "keep",
    }
    if endpoint:  # storages other than Amazon's have no host name for each bucket
        chosen |= {"fs.s3a.endpoint": endpoint, "fs.s3a.path.style.access": "true"}
    return chosen
