"""MLflow's record of a home's sweeps: the view that writes it, and how it is completed and looked at."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sweeps.home import Home
from sweeps.tracking_place import TrackingPlace, kept_place, place_of, said_of
from tracking.errors import ViewUnavailable
from tracking.ledger.ledger import Ledger, SweepEntry
from tracking.mlflow.uri import is_server, shown
from tracking.records import SweepRecord
from trainer.errors import UsageError
from trainer.quantities import counted

if TYPE_CHECKING:
    from tracking.mlflow.view import MlflowView

Say = Callable[[str], None]


def mlflow_view(home: Home, tracking_uri: str, experiment: str) -> "MlflowView":
    """Return the view of ``experiment`` in MLflow."""
    from tracking.mlflow.view import MlflowView

    # A server has a place for artifacts, an SQLite file elsewhere has them beside it.
    elsewhere = is_server(tracking_uri) or tracking_uri.startswith("sqlite")
    artifacts = home.artifacts if home.is_own(tracking_uri) or not elsewhere else None
    return MlflowView(tracking_uri, artifacts, experiment, home.path / "datasets")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sync:
    """One sweep to bring up to date, and where."""

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
) -> None:
    """Bring MLflow up to date with the ledger; where MLflow is away for one sweep, go on with the others.

    Args:
        home: of the ledger.
        name: of the sweep; all of the home if None.
        tracking_uri: MLflow's store, which is the sweep's from now on; where its record is if None.
        rebuild: remove what MLflow has of it first, with what people added there, but for exported models.
        say: told what was done, a line each.

    Raises:
        UsageError: if there is no such sweep, or another process holds the ledger.
        ViewUnavailable: if MLflow cannot take it now; calling again completes it.
    """
    with Ledger.read(home.path):  # says so where there is none, and creates nothing
        pass
    with Ledger.open(home.path) as ledger:  # held: while a sweep runs, its own recorder writes
        names = [name] if name else ledger.sweep_names()
        wanted = [_sync_of(home, ledger, each, tracking_uri) for each in names]
        for note in dict.fromkeys(note for each in wanted for note in each.place.notes):
            say(note)
        failures: dict[str, ViewUnavailable] = {}
        if rebuild:  # all of them before the first is written: experiments are made anew too
            for each in wanted:
                with _collected(failures, each.record.name):
                    # Not the models that were exported there: the ledger alone cannot make them again.
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
    """Write one sweep's record, and keep where it is now if the user has named the place."""
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
        home: of the ledger.
        name: of the sweep to see; if None, what was begun last decides between several stores.
        tracking_uri: MLflow's store; where the record is if None.
        port: to listen on; 0 for any free one.
        open_browser: open the address when it answers.
        say: told where the record is, if there is something to say of it.

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
    """Return a sweep's place, or the last sweep's, and say then which sweeps are elsewhere."""
    if option:
        return place_of(home, None, option)
    if name is not None:
        with Ledger.read(home.path) as ledger:
            ledger.sweep(name)  # says so where there is none
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
            say(f"  refold ui {other}{home.option}  ({shown(uri)})")
    return last


def entries_of(home: Home) -> Sequence[SweepEntry]:
    """Return what the ledger keeps of each sweep, oldest first; a damaged one is passed over.

    Raises:
        UsageError: if the ledger cannot be read; where there is none, nothing is returned.
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
        home: of the ledger.
        run_id: as MLflow gave it.
        tracking_uri: MLflow's store; each one that the home's sweeps have their record in if None.

    Raises:
        UsageError: if no such run is one of refold's.
        ViewUnavailable: if it was not found, and not every MLflow could be asked.
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
