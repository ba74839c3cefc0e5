"""A certificate that a server on this machine and its clients share: a client without its key is refused."""

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
"""The name of the certificate in the key store."""
_YEARS = 100


class Certificate(NamedTuple):
    """The files of one certificate with its key; only their owner may read them."""

    client: pathlib.Path
    """A PEM file for clients that are not Java."""
    store: pathlib.Path
    """A PKCS #12 file for Java, which is both key store and trust store."""
    password: str
    """The password of `store`."""


def make_certificate(folder: pathlib.Path) -> Certificate:
    """The certificate in `folder`; the first call makes it, which takes some ms.

    The client's file is written last, so that all files exist once it does.
    """
    client, store = folder / CERTIFICATE_FILE, folder / "store.p12"
    make_private_folder(folder)
    password = secret_in(folder / "password")
    if not client.exists():
        _make(client, store, password)
    return Certificate(client, store, password)


def tls_of(certificate: Certificate) -> ssl.SSLContext:
    """The TLS context for a connection to a server with the same certificate; it trusts no other certificate."""
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
    """A self-signed certificate for 127.0.0.1 and localhost."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "weir")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    # It is valid from a year ago, so that the servers still accept it after the clock was set back by days.
    builder = builder.not_valid_before(now - datetime.timedelta(days=365)).not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
    builder = builder.add_extension(address, critical=False).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.sign(key, hashes.SHA256())
