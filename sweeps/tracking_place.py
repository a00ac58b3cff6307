"""Where MLflow's record of a sweep is: kept with the sweep, without anything secret, and found again."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from sweeps.home import Home
from tracking.ledger.ledger import SweepEntry
from tracking.mlflow.uri import MASK, absolute, check_uri, is_server, shown, without_masked

#: What is kept of the SQLite file in the home: a home that is moved or copied goes on with its own.
IN_HOME = "home"

VARIABLE = "MLFLOW_TRACKING_URI"

#: With one of these set, a password that is missing in the URI is found elsewhere.
_SERVER_PASSWORDS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_DATABASE_PASSWORDS = ("PGPASSWORD", "PGPASSFILE")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingPlace:
    """The MLflow store to use for a sweep.

    Attributes:
        uri: to connect with. It may have a password: print ``tracking.mlflow.uri.shown(uri)``.
        notes: what the user should know of the choice, a line each; mostly none.
    """

    uri: str
    notes: tuple[str, ...] = ()


def kept_place(home: Home, uri: str) -> str:
    """Return what the ledger keeps of a tracking URI: nothing secret, and SQLite paths absolute."""
    return IN_HOME if home.is_own(uri) else shown(absolute(uri))


def place_of(
    home: Home,
    entry: SweepEntry | None,
    option: str | None,
    environment: Mapping[str, str] = os.environ,
) -> TrackingPlace:
    """Return where MLflow's record of a sweep is.

    What the user asks for now comes first, then what is kept with the sweep. ``MLFLOW_TRACKING_URI`` and the
    SQLite file in the home decide for a sweep that nothing is kept of: it is new, or an earlier version of
    refold recorded it.

    Args:
        home: of the ledger.
        entry: of the sweep; None if it is new.
        option: ``--tracking-uri``.
        environment: variables.

    Raises:
        UsageError: if the URI can never work.
    """
    given, kept = environment.get(VARIABLE), entry.details.tracking if entry else None
    if option or entry is None or kept is None:
        place = TrackingPlace(uri=option or given or home.own_tracking_uri)
    elif given and kept_place(home, given) == kept:
        place = TrackingPlace(uri=given)  # with the password, if it has one
    else:
        notes = []
        if _lacks_password(home, kept, environment):
            notes.append(f"the password for MLflow {said_of(home, kept)} is not kept: {_how_to_give(kept)}")
        if given:
            notes.append(
                f"MLflow's record is {said_of(home, kept)}, which is used; {VARIABLE} names "
                f"{shown(given)}, which --tracking-uri would choose"
            )
        uri = home.own_tracking_uri if kept == IN_HOME else without_masked(kept)
        place = TrackingPlace(uri=uri, notes=tuple(notes))
    check_uri(place.uri)
    return place


def said_of(home: Home, kept: str) -> str:
    """Return a kept place as it is shown to people."""
    return f"in the home ({home.own_tracking_uri})" if kept == IN_HOME else f"at {kept}"


def shown_uri(home: Home, kept: str | None) -> str | None:
    """Return a kept place as a URI, with ``***`` for what was not kept; None if nothing is known of it."""
    return home.own_tracking_uri if kept == IN_HOME else kept


def completing(home: Home, name: str, uri: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the command that completes MLflow's record of a sweep, as it can be typed here.

    Where it lacks a password, which is never printed, it says how to give one.
    """
    kept = kept_place(home, uri)
    hint = f" ({_how_to_give(kept)})" if _lacks_password(home, kept, environment) else ""
    return f"refold sync {name}{home.option}{hint}"


def _lacks_password(home: Home, kept: str, environment: Mapping[str, str]) -> bool:
    """Return whether something was masked that is not found elsewhere."""
    given = environment.get(VARIABLE)
    elsewhere = _SERVER_PASSWORDS if is_server(kept) else _DATABASE_PASSWORDS
    return (
        MASK in kept
        and not any(environment.get(variable) for variable in elsewhere)
        and not (given and kept_place(home, given) == kept)
    )


def _how_to_give(kept: str) -> str:
    own = ", or set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" if is_server(kept) else ""
    return f"give the URI with its password, by --tracking-uri or {VARIABLE}{own}"
