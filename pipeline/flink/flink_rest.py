"""Requests to Flink's REST interface; a cluster with keys answers only clients that show the cluster's own certificate."""

import json
import pathlib
import ssl
import urllib.request
from typing import Any

from foundation.settings import CERTIFICATE_FILE, Settings


class FlinkRest:
    """Sends requests to one cluster.

    Args:
        port: of the REST interface.
        keys: folder of the cluster's keys; if it holds none, requests are not encrypted.
        host: of the REST interface.
    """

    def __init__(self, port: int, keys: pathlib.Path, host: str = "127.0.0.1") -> None:
        self.port = port
        self._host = host
        self._keys = keys

    @property
    def url(self) -> str:
        """The URL of the REST interface, without a path."""
        return f"{'http' if self.tls() is None else 'https'}://{self._host}:{self.port}"

    def tls(self) -> ssl.SSLContext | None:
        """Makes the TLS context of a connection, which trusts only this cluster; returns None if the cluster has no keys."""
        file = self._keys / CERTIFICATE_FILE
        if not file.exists():
            return None
        context = ssl.create_default_context(cafile=str(file))
        context.load_cert_chain(file)
        return context

    def ask(self, path: str, timeout_seconds: float, method: str = "GET", body: bytes | None = None) -> Any:
        """Sends a request for `path` and returns the decoded JSON of the answer; None if the answer is empty.

        Raises:
            OSError: the cluster does not answer in time, or answers with an HTTP error.
            ValueError: the answer is not JSON.
        """
        request = urllib.request.Request(  # noqa: S310 - the address of the cluster, from the settings
            self.url + path, body, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=timeout_seconds, context=self.tls()) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")


def rest_of(settings: Settings) -> FlinkRest:
    """Gives the REST interface of the cluster that the settings name."""
    return FlinkRest(settings.flink_port, settings.flink_keys_folder(), settings.flink_host)
