"""MLflow's record of a home's sweeps: the view that writes it, and how it is shown."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sweeps import account
from sweeps.home import Home
from sweeps.tracking_place import TrackingPlace, place_of
from tracking.errors import StoreUnusable, ViewUnavailable
from tracking.ledger.entry import SweepEntry
from tracking.ledger.ledger import Ledger
from tracking.mlflow.damage import fault_of
from tracking.mlflow.uri import is_server, shown
from trainer.errors import UsageError
from trainer.escaping import for_shell

if TYPE_CHECKING:
    from tracking.mlflow.view import MlflowView

Say = Callable[[str], None]


def mlflow_view(home: Home, tracking_uri: str, experiment: str) -> "MlflowView":
    """Return the view of ``experiment`` in MLflow."""
    from tracking.mlflow.view import MlflowView

    artifacts = home.artifacts if keeps_artifacts(home, tracking_uri) else None
    remedy = remedy_for(home) if home.is_own(tracking_uri) else ""
    return MlflowView(
        tracking_uri, artifacts, experiment, home.path / "datasets", remedy, trusted=account.made(home.path)
    )


def keeps_artifacts(home: Home, tracking_uri: str) -> bool:
    """Return whether the files of the runs in MLflow's store are in the home.

    A server has its own place for them; an SQLite file outside the home has them beside it.
    """
    return home.is_own(tracking_uri) or not (is_server(tracking_uri) or tracking_uri.startswith("sqlite"))


def remedy_for(home: Home) -> str:
    """Return what helps if the database in a home is damaged, in words."""
    return f"'refold sync --rebuild{home.option}' keeps the file aside and writes the record again"


def serve(
    home: Home,
    name: str | None = None,
    *,
    tracking_uri: str | None = None,
    port: int,
    open_browser: bool = False,
    say: Say = lambda _text: None,
) -> None:
    """Serve MLflow's own UI on a home until it is interrupted.

    Args:
        home: the folder that holds the ledger.
        name: the sweep to show; if None and sweeps use several stores, the sweep that began last decides.
        tracking_uri: MLflow's store; if None, the store that has the record.
        port: the port to listen on; 0 for any free one.
        open_browser: whether to open the address in a browser when the server answers.
        say: called with each line that the user should know about where the record is.

    Raises:
        UsageError: if there is nothing to show, or the port is taken.
        ViewUnavailable: if MLflow does not start, or its database is damaged.
    """
    from tracking.mlflow.ui import serve_ui

    place = _place_to_show(home, name, tracking_uri, say)
    own = home.is_own(place.uri)
    if own:
        _check_own(home)
    for note in place.notes:
        say(note)
    try:
        serve_ui(place.uri, port, open_browser=open_browser)
    except ViewUnavailable:
        if own:
            mlflow_view(home, place.uri, "").check()  # raises if the database is why
        raise


def _check_own(home: Home) -> None:
    """Refuse to serve a database in the home that is not there or cannot be read.

    Raises:
        UsageError: if there is nothing to show.
        StoreUnusable: if the database is damaged, or was deleted.
    """
    if not home.database.exists():
        if not entries_of(home):
            raise UsageError(f"no sweep has run in {home.path}: there is nothing to show yet")
        raise StoreUnusable(f"{home.database} is gone: 'refold sync --rebuild{home.option}' writes it again")
    if fault := fault_of(home.database):
        raise StoreUnusable(f"MLflow at {home.own_tracking_uri}: the file {fault}; {remedy_for(home)}")


def _place_to_show(home: Home, name: str | None, option: str | None, say: Say) -> TrackingPlace:
    """Return the named sweep's place; without a name the last sweep's, and say which sweeps are elsewhere."""
    if option:
        return place_of(home, None, option)
    if name is not None:
        with Ledger.read(home.path) as ledger:
            ledger.sweep(name)  # raises if there is no such sweep
            return place_of(home, ledger.entry(name), None)
    entries = entries_of(home)
    places = {entry.name: place_of(home, entry, None) for entry in entries}
    if not places:
        return place_of(home, None, None)
    last = places[entries[-1].name]
    others = {place.uri: other for other, place in places.items() if place.uri != last.uri}
    if others:
        here = ", ".join(other for other, place in places.items() if place.uri == last.uri)
        say(f"this is MLflow's record of {here}; the other sweeps of this home have theirs elsewhere:")
        for uri, other in others.items():
            say(f"  refold ui {for_shell(other)}{home.option}  ({shown(uri)})")
    return last


def entries_of(home: Home) -> Sequence[SweepEntry]:
    """Return the ledger's undamaged entries, oldest first; empty without a ledger.

    Raises:
        UsageError: if the ledger cannot be read.
    """
    if not (home.path / "ledger.sqlite").exists():
        return []
    found = []
    with Ledger.read(home.path) as ledger:
        for name in ledger.sweep_names():
            try:
                entry = ledger.entry(name)
            except UsageError:
                continue
            if entry is not None:
                found.append(entry)
    return found


def sweep_of_run(home: Home, run_id: str, tracking_uri: str | None = None) -> tuple[str, str | None]:
    """Return the sweep that a run in MLflow belongs to and, for a trial's run, the trial as ``resnet/3``.

    Args:
        home: the folder that holds the ledger.
        run_id: the run's id in MLflow.
        tracking_uri: MLflow's store; if None, every store that has the record of a sweep of this home.

    Raises:
        UsageError: if no such run is one of refold's.
        ViewUnavailable: if the run was not found and some store could not be asked.
    """
    entries = [None] if tracking_uri else entries_of(home)
    problem: UsageError | ViewUnavailable | None = None
    for uri in dict.fromkeys(place_of(home, entry, tracking_uri).uri for entry in entries):
        try:
            return mlflow_view(home, uri, run_id).names_of(run_id)
        except ViewUnavailable as error:
            problem = error
        except UsageError as error:
            problem = problem or error
    raise problem or UsageError(f"no sweep is recorded in {home.path}")
