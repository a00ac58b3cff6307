"""Tracking URIs: which ones can work at all, told without importing MLflow (which takes seconds)."""

from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from trainer.errors import UsageError

_SERVERS = ("http", "https")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_EXAMPLES = "use http://host:5000, sqlite:////folder/mlflow.db or postgresql+psycopg2://user@host/database"


def check_uri(uri: str) -> None:
    """Refuse a tracking URI that no server or database can be found by.

    Raises:
        UsageError: with what is wrong and what to use instead.
    """
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
    """Return whether the URI is that of a server, to be reached over HTTP."""
    return urlsplit(uri).scheme in _SERVERS or uri.startswith("databricks")


def shown(uri: str) -> str:
    """Return the URI as it may be printed: without a password."""
    try:
        parts = urlsplit(uri)
        password = parts.password
    except ValueError:
        return uri
    return uri.replace(f":{password}@", ":***@") if password else uri


def absolute(uri: str) -> str:
    """Return the URI with an SQLite file's path made absolute, for a process that is started elsewhere."""
    path = sqlite_file(uri)
    return uri if path is None else uri.replace(urlsplit(uri).path[1:], str(path), 1)


def sqlite_file(uri: str) -> Path | None:
    """Return the file of an SQLite URI, None for any other."""
    parts = urlsplit(uri)
    return Path(parts.path[1:]).absolute() if parts.scheme.startswith("sqlite") else None


def _parts(uri: str) -> SplitResult:
    """Split the URI; a port that is no number is refused here too."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"the tracking URI {uri!r} does not parse ({error}); {_EXAMPLES}") from None
    return parts
