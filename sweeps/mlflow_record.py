"""MLflow's record of a home's sweeps: the view that writes it, how it is completed and how it is shown."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sweeps.home import Home
from sweeps.tracking_place import TrackingPlace, kept_place, place_of, said_of
from tracking.errors import ViewUnavailable
from tracking.ledger.ledger import Ledger, SweepEntry
from tracking.ledger.lock import Turn
from tracking.mlflow.uri import is_server, shown
from tracking.records import SweepRecord
from trainer.errors import UsageError
from trainer.escaping import for_shell
from trainer.quantities import counted

if TYPE_CHECKING:
    from tracking.mlflow.view import MlflowView

Say = Callable[[str], None]


def mlflow_view(home: Home, tracking_uri: str, experiment: str) -> "MlflowView":
    """Return the view of ``experiment`` in MLflow."""
    from tracking.mlflow.view import MlflowView

    # A server has its own place for artifacts; an SQLite file outside the home has them beside it.
    elsewhere = is_server(tracking_uri) or tracking_uri.startswith("sqlite")
    artifacts = home.artifacts if home.is_own(tracking_uri) or not elsewhere else None
    return MlflowView(tracking_uri, artifacts, experiment, home.path / "datasets")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sync:
    """One sweep to bring up to date, and its place in MLflow."""

    record: SweepRecord
    entry: SweepEntry
    place: TrackingPlace
    view: "MlflowView"


def sync(
    home: Home,
    name: str | None = None,
    *,
    tracking_uri: str | None = None,
    rebuild: bool = False,
    say: Say = lambda _text: None,
    wait: bool = False,
) -> None:
    """Bring MLflow up to date with the ledger. If MLflow is away for one sweep, go on with the others.

    Args:
        home: the folder that holds the ledger.
        name: the sweep's name; every sweep of the home if None.
        tracking_uri: MLflow's store, used for the sweep from now on; if None, the store that has its record.
        rebuild: first remove what MLflow has of the sweep, notes and tags of users included; exported models
            stay.
        say: called with each line about what was done.
        wait: whether to wait for another process that holds the ledger.

    Raises:
        UsageError: if there is no such sweep, or another process holds the ledger and ``wait`` is false.
        ViewUnavailable: if MLflow cannot be written now; calling again completes the record.
    """
    with Ledger.read(home.path):  # raises if there is no ledger, and creates none
        pass
    mine = Turn(on_wait=say if wait else None)
    with Ledger.open(home.path, mine) as ledger:  # with the lock: while a sweep runs, its own recorder writes
        names = [name] if name else ledger.sweep_names()
        wanted = [_sync_of(home, ledger, each, tracking_uri) for each in names]
        for note in dict.fromkeys(note for each in wanted for note in each.place.notes):
            say(note)
        failures: dict[str, ViewUnavailable] = {}
        if rebuild:  # all are removed before the first is written, because experiments are made again too
            for each in wanted:
                with _collected(failures, each.record.name):
                    # Exported models stay: they cannot be made again from the ledger alone.
                    say(f"removed from MLflow: {each.view.delete(each.record, models=False)}")
        for each in wanted:
            if each.record.name not in failures:
                with _collected(failures, each.record.name):
                    _complete(home, ledger, each, tracking_uri, say)
        if failures:
            raise ViewUnavailable("; ".join(f"{failed}: {why}" for failed, why in failures.items()))


@contextmanager
def _collected(failures: dict[str, ViewUnavailable], name: str) -> Iterator[None]:
    try:
        yield
    except ViewUnavailable as failure:
        failures[name] = failure


def _complete(home: Home, ledger: Ledger, wanted: _Sync, tracking_uri: str | None, say: Say) -> None:
    """Write one sweep's record to MLflow; if the user has named the place, keep it with the sweep."""
    wanted.view.write(wanted.record, live=False)
    kept = kept_place(home, wanted.place.uri)
    if tracking_uri:
        entry = wanted.entry
        ledger.update_sweep(entry.name, entry.trials, entry.toml, replace(entry.details, tracking=kept))
    trials = len(wanted.record.trials)
    say(f"MLflow has all of {wanted.record.name}: {counted(trials, 'trial')}, {said_of(home, kept)}")


def _sync_of(home: Home, ledger: Ledger, name: str, tracking_uri: str | None) -> _Sync:
    record, entry = ledger.sweep(name), ledger.entry(name)
    assert entry is not None  # noqa: S101 - ledger.sweep has raised otherwise
    place = place_of(home, entry, tracking_uri)
    view = mlflow_view(home, place.uri, entry.details.experiment)
    return _Sync(record=record, entry=entry, place=place, view=view)


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
        ViewUnavailable: if MLflow does not start.
    """
    from tracking.mlflow.ui import serve_ui

    place = _place_to_show(home, name, tracking_uri, say)
    if home.is_own(place.uri) and not (home.path / "mlflow.db").exists():
        raise UsageError(f"no sweep has run in {home.path}: there is nothing to show yet")
    for note in place.notes:
        say(note)
    serve_ui(place.uri, port, open_browser=open_browser)


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
