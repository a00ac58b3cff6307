"""Where MLflow's record of a sweep is: kept with the sweep, without passwords, and found again."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from sweeps.home import Home
from tracking.ledger.entry import SweepEntry
from tracking.mlflow.uri import MASK, absolute, check_uri, is_server, shown, without_masked
from trainer.escaping import for_shell

#: Kept in place of the path of the home's SQLite file, so that a moved or copied home uses its own file.
IN_HOME = "home"

VARIABLE = "MLFLOW_TRACKING_URI"

#: If one of these variables is set, MLflow finds a password that the URI lacks.
_SERVER_PASSWORDS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
_DATABASE_PASSWORDS = ("PGPASSWORD", "PGPASSFILE")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingPlace:
    """The MLflow store to use for a sweep.

    Attributes:
        uri: the tracking URI to connect with. It may have a password: print
            ``tracking.mlflow.uri.shown(uri)`` instead.
        notes: what the user should know about the choice, one line per note; usually empty.
    """

    uri: str
    notes: tuple[str, ...] = ()


def kept_place(home: Home, uri: str) -> str:
    """Return the form of a tracking URI that the ledger keeps: without passwords, SQLite paths absolute."""
    return IN_HOME if home.is_own(uri) else shown(absolute(uri))


def place_of(
    home: Home,
    entry: SweepEntry | None,
    option: str | None,
    environment: Mapping[str, str] = os.environ,
) -> TrackingPlace:
    """Return where MLflow's record of a sweep is.

    The user's option comes first, then the place that is kept with the sweep. A sweep that is new, or that an
    earlier version of refold recorded, has no kept place: ``MLFLOW_TRACKING_URI`` decides, else the SQLite
    file in the home is used.

    Args:
        home: the folder that holds the ledger.
        entry: the sweep's entry in the ledger; None if the sweep is new.
        option: the value of ``--tracking-uri``, or None.
        environment: the environment variables.

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
                f"MLflow's record is {said_of(home, kept)} and stays there; {VARIABLE} names "
                f"{shown(given)}: to use that, give it by --tracking-uri"
            )
        uri = home.own_tracking_uri if kept == IN_HOME else without_masked(kept)
        place = TrackingPlace(uri=uri, notes=tuple(notes))
    check_uri(place.uri)
    return place


def said_of(home: Home, kept: str) -> str:
    """Return a kept place in words."""
    return f"in the home ({home.own_tracking_uri})" if kept == IN_HOME else f"at {kept}"


def shown_uri(home: Home, kept: str | None) -> str | None:
    """Return a kept place as a URI, ``***`` in place of a password; None if no place was kept."""
    return home.own_tracking_uri if kept == IN_HOME else kept


def completing(
    home: Home, name: str, uri: str, environment: Mapping[str, str] = os.environ, *, unusable: bool = False
) -> str:
    """Return the command that completes MLflow's record of a sweep, as the user can type it here.

    A password is never printed: if one is needed, the text says how to give it.

    Args:
        home: the folder that holds the ledger.
        name: the sweep's name.
        uri: MLflow's store.
        environment: the environment variables.
        unusable: whether MLflow's database is damaged; one in the home has to be made anew then.
    """
    if unusable and home.is_own(uri):
        return f"refold sync --rebuild{home.option}"
    kept = kept_place(home, uri)
    hint = f" ({_how_to_give(kept)})" if _lacks_password(home, kept, environment) else ""
    return f"refold sync {for_shell(name)}{home.option}{hint}"


def _lacks_password(home: Home, kept: str, environment: Mapping[str, str]) -> bool:
    """Return whether the place has lost a password that MLflow does not find elsewhere."""
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
