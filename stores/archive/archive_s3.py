"""Opens S3-compatible storage, located by the usual environment variables, as an Arrow file system."""

import os
import urllib.parse
from typing import NamedTuple

import pyarrow.fs

from foundation.refusal import Refusal

_REGION = "us-east-1"


class S3Place(NamedTuple):
    """Says where the storage is. Credentials are no part of it: each client finds them by itself."""

    endpoint: str
    """The endpoint, such as ``http://127.0.0.1:9000``; '' for Amazon's own storage."""
    region: str


def s3_place() -> S3Place:
    """Reads the place from ``AWS_ENDPOINT_URL`` and ``AWS_REGION``.

    Raises:
        Refusal: the endpoint is no URL.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
    read = urllib.parse.urlsplit(endpoint)
    if endpoint and (read.scheme not in ("http", "https") or not read.netloc or read.path):
        raise Refusal("bad endpoint", where="AWS_ENDPOINT_URL", expected="http://host:port or https://host:port", got=endpoint)
    return S3Place(endpoint, os.environ.get("AWS_REGION") or _REGION)


def s3_files(timeout_seconds: float) -> pyarrow.fs.S3FileSystem:
    """Opens the storage as a file system whose paths begin with the bucket.

    Args:
        timeout_seconds: the limit for one call, which is tried twice.

    Raises:
        Refusal: the endpoint is no URL.
    """
    place = s3_place()
    endpoint = urllib.parse.urlsplit(place.endpoint)
    return pyarrow.fs.S3FileSystem(
        endpoint_override=endpoint.netloc or None,
        scheme=endpoint.scheme or "https",
        region=place.region,
        connect_timeout=timeout_seconds,
        request_timeout=timeout_seconds,
        retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=2),
    )
