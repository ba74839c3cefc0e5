"""Where the archive is: the file system behind its URL."""

import os
import pathlib
import urllib.parse

import pyarrow.fs

from features.refusal import Refusal
from stores.archive_files import FileArchive

TIMEOUT_SECONDS = 10.0
_FORMS = "a folder, file:///folder, hdfs://host:port/folder or s3://bucket/folder"


def open_archive(url: str, timeout_seconds: float | None = None) -> FileArchive:
    """The archive at `url`; an empty one where nothing is yet. Nothing is asked of a server before the first call.

    Credentials for S3 come from where its clients look for them (``AWS_ACCESS_KEY_ID``); of its own kind of store the URL
    names the address: ``s3://bucket/folder?endpoint=127.0.0.1:9000&scheme=http&region=eu-central-1``.

    Args:
        url: a folder, ``file:///folder``, ``hdfs://host:port/folder`` or ``s3://bucket/folder``.
        timeout_seconds: for one call to a server; None: `TIMEOUT_SECONDS`.

    Raises:
        Refusal: `url` has none of these forms.
    """
    timeout_seconds = timeout_seconds or TIMEOUT_SECONDS
    if "://" not in url:
        return _local(pathlib.Path(url), url)
    read = urllib.parse.urlsplit(url)
    if read.scheme == "file" and read.path:
        return _local(pathlib.Path(urllib.parse.unquote(read.path)), url)
    if read.scheme == "hdfs" and read.hostname and read.path.strip("/"):
        from stores.archive_hdfs import HdfsHandler

        files = pyarrow.fs.PyFileSystem(HdfsHandler(f"hdfs://{read.netloc}", timeout_seconds))
        return FileArchive(files, "/" + read.path.strip("/"), url)
    if read.scheme == "s3" and read.netloc:
        return FileArchive(_s3(read.query, url, timeout_seconds), f"{read.netloc}/{read.path.strip('/')}".rstrip("/"), url)
    raise Refusal("bad archive", where="archive_url", expected=_FORMS, got=url)


def _local(folder: pathlib.Path, url: str) -> FileArchive:
    return FileArchive(pyarrow.fs.LocalFileSystem(), os.fspath(folder.absolute()), url)


def _s3(query: str, url: str, timeout_seconds: float) -> pyarrow.fs.S3FileSystem:
    given = dict(urllib.parse.parse_qsl(query))
    if unknown := set(given) - {"endpoint", "scheme", "region"}:
        raise Refusal("bad archive", where="archive_url", expected="endpoint, scheme and region after ?", got=", ".join(sorted(unknown)))
    return pyarrow.fs.S3FileSystem(
        endpoint_override=given.get("endpoint"),
        scheme=given.get("scheme", "https"),
        region=given.get("region", "us-east-1"),
        connect_timeout=timeout_seconds,
        request_timeout=timeout_seconds,
        retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=2),
    )
