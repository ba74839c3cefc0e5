"""The addresses of Druid and the credentials that this system shows to it come from the settings."""

import base64
import pathlib
import ssl
from typing import NamedTuple

from foundation.refusal import Refusal
from foundation.settings import CERTIFICATE_FILE, Settings


class DruidAccess(NamedTuple):
    """The addresses and the credentials that a client of Druid needs."""

    broker: str
    """The URL of the service that answers queries."""
    coordinator: str
    """The URL of the service that is told which topics to read."""
    tls: ssl.SSLContext | None
    """The TLS context of each connection; with None the connection is not encrypted."""
    headers: dict[str, str]
    """The HTTP headers of each request; empty if Druid asks for no password."""


def druid_access(settings: Settings) -> DruidAccess:
    """Gives the access to the Druid that the settings name. Cost: some ms, to load the certificate.

    Raises:
        Refusal: a certificate or password file that the settings name cannot be read.
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
        expected = "two PEM files: one of the CA certificates that Druid's is checked by, one of this client's certificate and key"
        where, remedy = f"{ca_file} {certificate_file}", "WEIR_DRUID_CA_FILE and WEIR_DRUID_CERTIFICATE_FILE name the files"
        raise Refusal("no certificate for Druid", where=where, expected=expected, got=str(error), remedy=remedy) from error
    return context


def _headers(settings: Settings) -> dict[str, str]:
    if not settings.druid_user:
        return {}
    file = settings.druid_password_file
    try:
        password = pathlib.Path(file).read_text().strip()
    except OSError as error:
        remedy = "WEIR_DRUID_PASSWORD_FILE names the file"
        expected = "a readable file that holds the password"
        raise Refusal("no password for Druid", where=file, expected=expected, got=str(error.strerror), remedy=remedy) from error
    return {"Authorization": "Basic " + base64.b64encode(f"{settings.druid_user}:{password}".encode()).decode()}
