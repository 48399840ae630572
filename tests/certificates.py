"""A certificate authority of a test's own, and what it signs."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Authority:
    """Its certificate lies in `folder`/ca.pem."""

    folder: Path

    def __post_init__(self) -> None:
        self._key, self._name = ec.generate_private_key(ec.SECP256R1()), _named("Test Authority")
        self.file = self.folder / "ca.pem"
        own = _builder(self._name, self._name, self._key.public_key()).add_extension(x509.BasicConstraints(True, None), critical=True)  # noqa: FBT003
        self.file.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str, name: str = "server") -> Path:
        """A certificate for this address or name, and its key, in one file."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        built = _builder(_named(host), self._name, key.public_key()).add_extension(x509.SubjectAlternativeName([subject]), critical=False)
        plain = serialization.NoEncryption()
        file = self.folder / f"{name}.pem"
        file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
            + built.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        return file


def serving(file: Path) -> ssl.SSLContext:
    """What a server needs to present this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1))
