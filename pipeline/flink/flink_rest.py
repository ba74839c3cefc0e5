"""Flink's REST interface, which answers only who shows the cluster's own certificate."""

import json
import pathlib
import ssl
import urllib.request
from typing import Any

from foundation.settings import CERTIFICATE_FILE, Settings


class FlinkRest:
    """Asks one cluster.

    Args:
        port: of the REST interface.
        keys: folder of the cluster's keys; a cluster that has none is asked in the clear.
        host: of the REST interface.
    """

    def __init__(self, port: int, keys: pathlib.Path, host: str = "127.0.0.1") -> None:
        self.port = port
        self._host = host
        self._keys = keys

    @property
    def url(self) -> str:
        """Without a path."""
        return f"{'http' if self.tls() is None else 'https'}://{self._host}:{self.port}"

    def tls(self) -> ssl.SSLContext | None:
        """What a connection has to be made with: it trusts this cluster alone. None: the cluster has no keys."""
        file = self._keys / CERTIFICATE_FILE
        if not file.exists():
            return None
        context = ssl.create_default_context(cafile=str(file))
        context.load_cert_chain(file)
        return context

    def ask(self, path: str, timeout_seconds: float, method: str = "GET", body: bytes | None = None) -> Any:
        """The JSON that is answered to a request for `path`; None when the answer is empty.

        Raises:
            OSError, ValueError: nothing answers, or something else than JSON.
        """
        request = urllib.request.Request(  # noqa: S310 - the address of the cluster, from the settings
            self.url + path, body, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=timeout_seconds, context=self.tls()) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")


def rest_of(settings: Settings) -> FlinkRest:
    """The interface of the cluster that the settings name."""
    return FlinkRest(settings.flink_port, settings.flink_keys_folder(), settings.flink_host)
