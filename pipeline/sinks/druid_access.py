"""Where Druid is, and how this system shows who it is."""

import base64
import pathlib
import ssl
from typing import NamedTuple

from foundation.refusal import Refusal
from foundation.settings import CERTIFICATE_FILE, Settings


class DruidAccess(NamedTuple):
    """What a client of Druid needs."""

    broker: str
    """URL of the service that answers queries."""
    coordinator: str
    """URL of the service that is told what to read."""
    tls: ssl.SSLContext | None
    """What a connection has to be made with; None: Druid is asked in the clear."""
    headers: dict[str, str]
    """Of each request; empty where Druid asks for no password."""


def druid_access(settings: Settings) -> DruidAccess:
    """How the Druid that the settings name is asked. Cost: some ms, for the certificate.

    Raises:
        Refusal: a file that the settings name cannot be read.
    """
    own = settings.path("druid", "keys", CERTIFICATE_FILE)
    known = str(own) if settings.druid_host == "127.0.0.1" and own.exists() else ""
    tls = _tls(settings.druid_ca_file or known, settings.druid_certificate_file or known)
    host = f"{'http' if tls is None else 'https'}://{settings.druid_host}"
    return DruidAccess(f"{host}:{settings.druid_port}", f"{host}:{settings.druid_coordinator_port}", tls, _headers(settings))


def _tls(ca_file: str, certificate_file: str) -> ssl.SSLContext | None:
    if not ca_file:
        return None
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if certificate_file:
            context.load_cert_chain(certificate_file)
    except (OSError, ssl.SSLError) as error:
        expected = "PEM files with the certificates that sign Druid's, and with the one that is shown and its key"
        raise Refusal("no certificate for Druid", where=f"{ca_file} {certificate_file}", expected=expected, got=str(error)) from error
    return context


def _headers(settings: Settings) -> dict[str, str]:
    if not settings.druid_user:
        return {}
    file = settings.druid_password_file
    try:
        password = pathlib.Path(file).read_text().strip()
    except OSError as error:
        remedy = "WEIR_DRUID_PASSWORD_FILE names it"
        raise Refusal(
            "no password for Druid", where=file, expected="a file that holds it", got=str(error.strerror), remedy=remedy
        ) from error
    return {"Authorization": "Basic " + base64.b64encode(f"{settings.druid_user}:{password}".encode()).decode()}
