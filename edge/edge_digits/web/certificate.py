"""The certificate of `--https`: made on first use, kept for the next, and known by its fingerprint."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge_digits.errors import OutputError
from edge_digits.outputs.atomic import write_whole

#: Phones accept no certificate that is valid for longer.
_DAYS = 820
#: One that ends so soon is replaced.
_LEFT = timedelta(days=30)


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key.

    Attributes:
        file: certificate and key, PEM.
        fingerprint: SHA-256 of the certificate, as browsers show it.
        made: whether it is new.
    """

    file: Path
    fingerprint: str
    made: bool


def folder() -> Path:
    """Where certificates of this user are kept (XDG Base Directory Specification)."""
    home = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (home if home.is_absolute() else Path.home() / ".local" / "share") / "edge-digits"


def certificate(names: Iterable[str], kept_in: Path | None = None) -> Certificate:
    """The certificate that is kept, or a new one where there is none, or it ends soon, or lacks one of the names.

    Args:
        names: host names and IP addresses that it is to be valid for.
        kept_in: the folder that it is kept in.

    Raises:
        OutputError: it cannot be kept there.
    """
    path = (kept_in or folder()) / "serve.pem"
    wanted = sorted(set(names))
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        found = None
    if found is not None and found.not_valid_after_utc - datetime.now(UTC) > _LEFT and set(wanted) <= _names_of(found):
        return Certificate(path, _fingerprint(found), made=False)
    known = set() if found is None else _names_of(found)
    key, new = _signed(sorted({*wanted, *known}))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, lambda part: _write(part, key, new))
    except OSError as error:
        raise OutputError(f"{path}: the certificate cannot be kept ({error.strerror})") from None
    return Certificate(path, _fingerprint(new), made=True)


def _signed(names: list[str]) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A key, and a certificate that it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edge-digits serve")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # a phone's clock may be behind
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return key, builder.sign(key, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names_of(found: x509.Certificate) -> set[str]:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}


def _fingerprint(found: x509.Certificate) -> str:
    return found.fingerprint(hashes.SHA256()).hex(":").upper()


def _write(part: Path, key: ec.EllipticCurvePrivateKey, new: x509.Certificate) -> None:
    part.chmod(0o600)  # before the key is in it
    part.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + new.public_bytes(serialization.Encoding.PEM)
    )
