"""Checks tracking URIs and hides their secrets, without importing MLflow, which takes seconds."""

from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from trainer.errors import UsageError

#: Stands for a secret.
MASK = "***"

_SERVERS = ("http", "https")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_EXAMPLES = "use http://host:5000, sqlite:////folder/mlflow.db or postgresql+psycopg2://user@host/database"
#: Parameters of databases that are not secret; all others may be.
_OPEN_PARAMETERS = (
    *("application_name", "channel_binding", "charset", "connect_timeout", "driver", "encrypt"),
    *("gssencmode", "host", "hostaddr", "mode", "options", "passfile", "port", "service", "sslcert"),
    *("sslcrl", "sslkey", "sslmode", "sslrootcert", "target_session_attrs", "timeout", "user"),
    *("trusted_connection", "trustservercertificate", "uri"),
)


def check_uri(uri: str) -> None:
    """Check that a tracking URI can name a server or a database.

    Raises:
        UsageError: if it cannot; the message says why, and what to use instead.
    """
    if _at_sign_after_host(uri):
        raise UsageError(
            "the tracking URI has an '@' after its host: write @, /, ? and # in a password as %40, "
            "%2F, %3F and %23"
        )
    if not uri.isprintable():
        raise UsageError(f"the tracking URI {shown(uri)!r} has characters that cannot be seen; {_EXAMPLES}")
    parts = _parts(uri)
    scheme = parts.scheme.partition("+")[0]
    if scheme == "databricks" or uri == "databricks":
        return
    if scheme in {"", "file"}:
        raise UsageError(
            f"the tracking URI {shown(uri)!r} is a folder, which MLflow no longer writes; {_EXAMPLES}"
        )
    if scheme not in _SERVERS + _DATABASES:
        raise UsageError(f"the tracking URI {shown(uri)!r} begins with an unknown {scheme!r}; {_EXAMPLES}")
    if scheme in _SERVERS and not parts.hostname:
        raise UsageError(f"the tracking URI {shown(uri)!r} names no host; {_EXAMPLES}")
    if scheme == "sqlite" and (parts.netloc or parts.path in {"", "/", "/:memory:"}):
        raise UsageError(
            f"the tracking URI {shown(uri)!r} names no file (three slashes, then its path); {_EXAMPLES}"
        )


def is_server(uri: str) -> bool:
    """Return whether the URI is that of a server, over HTTP."""
    return urlsplit(uri).scheme in _SERVERS or uri.startswith("databricks")


def shown(uri: str) -> str:
    """Return the URI for printing and recording: ``***`` stands for a password and for what may be one.

    Works for invalid URIs too.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return uri
    if "@" in rest and not rest.startswith("/"):  # an SQLite file's path may have one
        user, host = rest.rsplit("@", 1)
        rest = f"{_shown_user(scheme, user)}@{host}"
    address, question, query = rest.partition("?")
    parameters = [_shown_parameter(parameter) for parameter in query.split("&")]
    return f"{scheme}://{address}{question}{'&'.join(parameters)}"


def without_masked(text: str) -> str:
    """Return a URI that ``shown`` returned, without the masked parts, so that it can be connected to.

    A server's user name is removed with its password. Otherwise requests would send the name with an empty
    password, and ignore ``MLFLOW_TRACKING_USERNAME`` and ``MLFLOW_TRACKING_PASSWORD``.
    """
    if MASK not in text:
        return text
    address, _, query = text.partition("?")
    scheme, _, rest = address.partition("://")
    user, at, host = rest.rpartition("@")
    if at and MASK in user:
        name = "" if scheme.lower() in _SERVERS else user.partition(":")[0]
        rest = f"{name}@{host}" if name else host
    kept = "&".join(parameter for parameter in query.split("&") if parameter and MASK not in parameter)
    return f"{scheme}://{rest}" + (f"?{kept}" if kept else "")


def absolute(uri: str) -> str:
    """Return the URI with an SQLite file's path made absolute, so that it works from any folder."""
    path = sqlite_file(uri)
    if path is None:
        return uri
    scheme, _, rest = uri.partition("://")
    return f"{scheme}:///{path}{rest[len(urlsplit(uri).path) :]}"


def sqlite_file(uri: str) -> Path | None:
    """Return the file of an SQLite URI, absolute; None for any other."""
    parts = urlsplit(uri)
    plain = parts.scheme.startswith("sqlite") and not parts.path.startswith("/file:")
    return Path(parts.path[1:]).absolute() if plain else None


def _shown_user(scheme: str, user: str) -> str:
    """Return the part before the ``@``, masked. Without ``:`` a server's is a token, a database's a name."""
    name, colon, _ = user.partition(":")
    if colon:
        return f"{name}:{MASK}"
    return MASK if scheme.lower() in _SERVERS else name


def _shown_parameter(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}={MASK}" if equals and name.lower() not in _OPEN_PARAMETERS else parameter


def _at_sign_after_host(uri: str) -> bool:
    """Return whether part of a password may stand where a path is expected."""
    _, separator, rest = uri.partition("://")
    host = min((place for place in map(rest.find, "/?#") if place >= 0), default=len(rest))
    return bool(separator) and host > 0 and "@" in rest[host:]


def _parts(uri: str) -> SplitResult:
    """Split the URI; raise UsageError if it cannot be parsed or its port is not a number."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"the tracking URI {shown(uri)!r} does not parse ({error}); {_EXAMPLES}") from None
    return parts
