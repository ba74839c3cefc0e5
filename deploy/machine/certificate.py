"""A certificate that a server of this machine and its clients show to each other: who has not its key gets no answer."""

import datetime
import ipaddress
import pathlib
import ssl
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, pkcs12

from deploy.machine.private_files import make_private_folder, secret_in, write_private
from foundation.settings import CERTIFICATE_FILE

ALIAS = "weir"
"""Name of the certificate in the store."""
_YEARS = 100


class Certificate(NamedTuple):
    """Files of one certificate with its key; only their owner may read them."""

    client: pathlib.Path
    """PEM, for clients that are not Java."""
    store: pathlib.Path
    """PKCS #12, for Java: both what is shown and what is trusted."""
    password: str
    """Of the store."""


def make_certificate(folder: pathlib.Path) -> Certificate:
    """The certificate in `folder`, made at the first call. Cost: some ms, once.

    The client's file is written last, so that all are there when it is.
    """
    client, store = folder / CERTIFICATE_FILE, folder / "store.p12"
    make_private_folder(folder)
    password = secret_in(folder / "password")
    if not client.exists():
        _make(client, store, password)
    return Certificate(client, store, password)


def tls_of(certificate: Certificate) -> ssl.SSLContext:
    """What a connection has to be made with to who shows the same certificate: it trusts nobody else."""
    context = ssl.create_default_context(cafile=str(certificate.client))
    context.load_cert_chain(certificate.client)
    return context


def _make(client: pathlib.Path, store: pathlib.Path, password: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _signed_by_itself(key)
    lock = BestAvailableEncryption(password.encode())
    write_private(store, pkcs12.serialize_key_and_certificates(ALIAS.encode(), key, certificate, None, lock))
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    write_private(client, text)


def _signed_by_itself(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Whoever trusts it trusts nothing else."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "weir")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    # A clock that is set back by days must not lock the servers out of themselves.
    builder = builder.not_valid_before(now - datetime.timedelta(days=365)).not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
    builder = builder.add_extension(address, critical=False).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.sign(key, hashes.SHA256())
