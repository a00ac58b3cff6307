"""Tracking URIs: which ones can work at all, told without importing MLflow (which takes seconds)."""

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


def _parts(uri: str) -> SplitResult:
    """Split the URI; a port that is no number is refused here too."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"the tracking URI {uri!r} does not parse ({error}); {_EXAMPLES}") from None
    return parts
