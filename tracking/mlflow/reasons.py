"""Describes a problem with MLflow in one line that says what to do."""

import re
from collections.abc import Iterator

_AUTH = "it asks for a name and a password: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
_STATUS = re.compile(r"(?:too many|error code|Error:?|^)\s*\(?([1-5]\d\d)\b")
_LONGEST = 240


def reason(error: BaseException) -> str:
    """Return one line about an exception of MLflow, or of a library that MLflow uses.

    Args:
        error: as it was caught; its causes are used too.
    """
    chain = list(causes(error))
    text = " ".join(str(link) for link in chain)
    if "Invalid Host header" in text:
        return "the server refuses this host name: add it to its --allowed-hosts"
    if isinstance(chain[-1], TimeoutError) or "timed out" in text or _is_timeout(error):
        return "it does not answer in time"
    for link in reversed(chain):
        if isinstance(link, OSError) and link.strerror:
            place = f": {link.filename}" if link.filename else ""
            return f"{link.strerror.lower()}{place}"
    if found := _http_status(chain):
        return _AUTH if found in {"401", "403"} else f"it answers with status {found}"
    # SQLAlchemy puts the driver's own message into a paragraph with a link.
    driver = next((found for link in chain if (found := getattr(link, "orig", None))), error)
    return one_line(str(driver)) or type(error).__name__


def _is_timeout(error: BaseException) -> bool:
    from requests.exceptions import Timeout
    from sqlalchemy.exc import TimeoutError as PoolTimeout

    return isinstance(error, Timeout | PoolTimeout)


def one_line(text: str) -> str:
    """Return the first lines of a text as one, without control characters, cut to a readable length."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes, the outermost first."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = _before(link)


def _before(error: BaseException) -> BaseException | None:
    """Return the cause of an exception; urllib3 has it in ``reason``, requests in its first argument."""
    inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
    return error.__cause__ or error.__context__ or (inner if isinstance(inner, BaseException) else None)


def _http_status(chain: list[BaseException]) -> str | None:
    """Return the HTTP status that the exceptions name, or None."""
    for link in chain:
        status = getattr(getattr(link, "response", None), "status_code", None)
        if status is not None:
            return str(status)
        if found := _STATUS.search(str(link)):
            return found[1]
    return None
