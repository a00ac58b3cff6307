"""TLS certificates for a cluster: made by one command, found in one folder.

A machine with a copy of the folder may join the cluster as scheduler, worker or coordinator: Dask asks only
for a certificate that the same authority has signed. So there is one certificate for all, and the authority's
own key is thrown away. To lock a machine out, make a new folder and copy it to the others.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trainer.errors import UsageError

#: Days that certificates are valid by default.
DAYS = 825


@dataclass(frozen=True, slots=True)
class Certificates:
    """A folder with the certificates and the key of a cluster's members."""

    folder: Path

    @property
    def authority(self) -> Path:
        """File with the certificate of the authority that signed the members' certificate."""
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        """File with the members' certificate."""
        return self.folder / "cert.pem"

    @property
    def key(self) -> Path:
        """File with the private key of the members' certificate."""
        return self.folder / "key.pem"

    def checked(self) -> "Certificates":
        """Return these certificates if they can be used.

        Raises:
            UsageError: if a file is missing, damaged, foreign or expired; the message names it.
        """
        for file in (self.authority, self.certificate, self.key):
            if not file.is_file():
                raise UsageError(f"no certificates in {self.folder}: {file.name} is missing; {_ADVICE}")
        try:
            context = self.context(server=False)
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            raise UsageError(
                f"the certificates in {self.folder} cannot be used ({error}): {_ADVICE}"
            ) from error
        _check_dates(context, self.folder)
        return self

    def context(self, *, server: bool) -> ssl.SSLContext:
        """Return an SSL context like Dask's: certificates are checked on both sides, host names are not."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.authority)
        context.load_cert_chain(self.certificate, self.key)
        return context


_ADVICE = "make them with 'refold certificates DIR', and copy that folder to every machine of the cluster"


def _check_dates(context: ssl.SSLContext, folder: Path) -> None:
    for certificate in context.get_ca_certs():
        until = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
        if until < datetime.now(UTC).timestamp():
            day = datetime.fromtimestamp(until, UTC).date()
            raise UsageError(f"the certificates in {folder} expired on {day}: {_ADVICE}")


def make_certificates(folder: Path, *, days: int = DAYS) -> Certificates:
    """Make an authority and a certificate signed by it. The authority's own key is not kept.

    Args:
        folder: the folder for ``ca.pem``, ``cert.pem`` and ``key.pem``; it may exist if it has none of these
            files.
        days: days that they are valid, at least 1.

    Raises:
        UsageError: if there are certificates in the folder already, or it cannot be written.
    """
    made = Certificates(folder)
    there = [file for file in (made.authority, made.certificate, made.key) if file.exists()]
    if there:
        raise UsageError(
            f"{there[0]} is there already, and machines with a copy would be locked out: choose another "
            "folder, or remove these certificates first"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, content in _content(days).items():
            file = folder / name
            file.touch(mode=0o600)
            file.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error}): choose another folder") from error
    return made


def _content(days: int) -> Mapping[str, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    def builder(subject: str, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> x509.CertificateBuilder:
        # Valid from a little before now, for machines whose clock is behind.
        begin = datetime.now(UTC) - timedelta(hours=1)
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("refold authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = builder("refold authority", authority_key, authority=True)
    member = builder("refold", key, authority=False)
    pem = serialization.Encoding.PEM
    return {
        "ca.pem": authority.sign(authority_key, hashes.SHA256()).public_bytes(pem),
        "cert.pem": member.sign(authority_key, hashes.SHA256()).public_bytes(pem),
        "key.pem": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    }
