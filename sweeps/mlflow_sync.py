"""Brings MLflow up to date with the ledger, also after MLflow's database was lost or damaged."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.export import lost_models
from sweeps.home import Home
from sweeps.mlflow_record import keeps_artifacts, mlflow_view, remedy_for
from sweeps.tracking_place import TrackingPlace, kept_place, place_of, said_of
from tracking.errors import StoreUnusable, ViewUnavailable
from tracking.ledger.entry import SweepEntry
from tracking.ledger.ledger import Ledger
from tracking.ledger.lock import Turn
from tracking.mlflow.damage import JOURNALS, fault_of
from tracking.mlflow.reasons import one_line
from tracking.mlflow.uri import shown
from tracking.records import SweepRecord
from trainer.errors import RefoldError, UsageError
from trainer.quantities import counted

if TYPE_CHECKING:
    from tracking.mlflow.view import MlflowView

Say = Callable[[str], None]

#: How the folder begins that takes a damaged database and the files of its runs.
ASIDE = "mlflow-old"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sync:
    """One sweep to bring up to date, and its place in MLflow."""

    record: SweepRecord
    entry: SweepEntry
    place: TrackingPlace
    view: "MlflowView"
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What is asked of a sync, and what it works with."""

    home: Home
    ledger: Ledger
    tracking_uri: str | None
    say: Say


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
            stay. If the database in the home is damaged or gone, it is kept aside with the files of its runs,
            and the record of every sweep in it is written again, exported models included.
        say: called with each line about what was done.
        wait: whether to wait for another process that holds the ledger.

    Raises:
        UsageError: if there is no such sweep, or another process holds the ledger and ``wait`` is false.
        ViewUnavailable: if MLflow cannot be written now; calling again completes the record.
        StoreUnusable: if MLflow's database is damaged and ``rebuild`` is false.
    """
    with Ledger.read(home.path):  # raises if there is no ledger, and creates none
        pass
    mine = Turn(on_wait=say if wait else None)
    with Ledger.open(home.path, mine) as ledger:  # with the lock: while a sweep runs, its own recorder writes
        task = _Task(home=home, ledger=ledger, tracking_uri=tracking_uri, say=say)
        names = [name] if name else ledger.sweep_names()
        wanted = [_sync_of(task, each, tracking_uri) for each in names]
        for note in dict.fromkeys(note for each in wanted for note in each.place.notes):
            say(note)
        failures = _rebuild(task, wanted) if rebuild else _write(task, wanted)
    if failures:
        kind = StoreUnusable if _unusable(failures, failures) else ViewUnavailable
        raise kind(_said(failures)) from next(iter(failures.values()))


_Failures = dict[str, ViewUnavailable]


def _rebuild(task: _Task, wanted: Sequence[_Sync]) -> _Failures:
    """Remove sweeps from MLflow and write them again; begin anew if the database in the home is damaged."""
    own = {each.record.name for each in wanted if each.own}
    shared = _artifacts_are_shared(task)
    fault = _fault(task.home, shared=shared) if own else None
    # All are removed before the first is written, because experiments are made again too.
    failures = _each(task, [each for each in wanted if not (fault and each.own)], _remove)
    if not (fault or _unusable(failures, own)):
        failures |= _write(task, _without(failures, wanted), models=True)
    if not (fault or _unusable(failures, own)):
        return failures
    _put_aside(task.home, fault or "cannot be used", task.say, shared=shared)
    failures = {name: failure for name, failure in failures.items() if name not in own}
    return failures | _write(task, _without(failures, _all_in_home(task, wanted)), models=True)


def _without(failures: _Failures, wanted: Sequence[_Sync]) -> list[_Sync]:
    return [each for each in wanted if each.record.name not in failures]


def _write(task: _Task, wanted: Iterable[_Sync], *, models: bool = False) -> _Failures:
    def write(task: _Task, each: _Sync) -> None:
        _write_one(task, each, models=models)

    return _each(task, wanted, write)


def _each(task: _Task, wanted: Iterable[_Sync], do: Callable[[_Task, _Sync], None]) -> _Failures:
    """Do something for each sweep; return what failed."""
    failures: _Failures = {}
    for each in wanted:
        try:
            do(task, each)
        except ViewUnavailable as failure:
            failures[each.record.name] = failure
        except RefoldError:
            raise
        except Exception as error:  # MLflow raises anything over values that it cannot have written
            if not each.own:
                raise
            said = one_line(f"{type(error).__name__}: {error}")
            found = StoreUnusable(f"MLflow at {shown(each.place.uri)}: {said}; {remedy_for(task.home)}")
            found.__cause__ = error
            failures[each.record.name] = found
    return failures


def _said(failures: _Failures) -> str:
    """Return what failed in one line; what is said of several sweeps is said once."""
    names: dict[str, list[str]] = {}
    for name, failure in failures.items():
        names.setdefault(str(failure), []).append(name)
    return "; ".join(f"{', '.join(of)}: {why}" for why, of in names.items())


def _unusable(failures: _Failures, of: Iterable[str]) -> bool:
    """Return whether one of these sweeps failed because its database is damaged."""
    return any(isinstance(failures.get(name), StoreUnusable) for name in of)


def _remove(task: _Task, each: _Sync) -> None:
    """Remove a sweep from MLflow; its exported models stay, which need more than the ledger."""
    task.say(f"removed from MLflow: {each.view.delete(each.record, models=False)}")


def _write_one(task: _Task, each: _Sync, *, models: bool) -> None:
    """Write one sweep's record to MLflow; if the user has named the place, keep it with the sweep."""
    home, entry = task.home, each.entry
    each.view.write(each.record, live=False)
    kept = kept_place(home, each.place.uri)
    if task.tracking_uri:
        details = replace(entry.details, tracking=kept)
        task.ledger.update_sweep(entry.name, entry.trials, entry.toml, details)
    trials = len(each.record.trials)
    task.say(f"MLflow has all of {each.record.name}: {counted(trials, 'trial')}, {said_of(home, kept)}")
    if models and each.own:
        folders = [home.artifacts, *sorted(home.path.glob(f"{ASIDE}-*/artifacts"), reverse=True)]
        lost_models.restore(each.record, task.ledger.cards(entry.name), folders, each.view, task.say)


def _sync_of(task: _Task, name: str, tracking_uri: str | None) -> _Sync:
    record, entry = task.ledger.sweep(name), task.ledger.entry(name)
    assert entry is not None  # noqa: S101 - ledger.sweep has raised otherwise
    place = place_of(task.home, entry, tracking_uri)
    view = mlflow_view(task.home, place.uri, entry.details.experiment)
    return _Sync(record=record, entry=entry, place=place, view=view, own=task.home.is_own(place.uri))


def _all_in_home(task: _Task, wanted: Sequence[_Sync]) -> list[_Sync]:
    """Return these sweeps and all others that have their record in the home: it was one database."""
    every = list(wanted)
    names = {each.record.name for each in wanted}
    for name in task.ledger.sweep_names():
        if name in names:
            continue
        try:
            found = _sync_of(task, name, None)
        except UsageError as error:  # one damaged sweep must not keep the others from MLflow
            task.say(f"left out: {error}")
            continue
        if found.own:
            every.append(found)
    for each in every:
        if each.own:
            each.view.begin_anew()
    return every


def _artifacts_are_shared(task: _Task) -> bool:
    """Return whether the home also has the files of runs in another database, such as PostgreSQL."""
    for name in task.ledger.sweep_names():
        with suppress(UsageError):  # of a damaged sweep nothing is known
            uri = place_of(task.home, task.ledger.entry(name), None).uri
            if keeps_artifacts(task.home, uri) and not task.home.is_own(uri):
                return True
    return False


def _fault(home: Home, *, shared: bool) -> str | None:
    """Return why the home's database has to be made anew, in words; None if it need not."""
    if home.database.exists():
        return fault_of(home.database, thorough=True)
    if shared:  # the files may all be another database's
        return None
    return "is gone" if home.artifacts.is_dir() and any(home.artifacts.iterdir()) else None


def _put_aside(home: Home, fault: str, say: Say, *, shared: bool) -> None:
    """Move the database and the files of its runs into a new folder of the home.

    The files stay where those of another database are among them.
    """
    folder = _new_folder(home)
    moved = [home.database.with_name(home.database.name + journal) for journal in JOURNALS]
    for path in (*moved, home.database, *([] if shared else [home.artifacts])):
        if path.exists():
            path.rename(folder / path.name)
    files = "the files of its runs"
    what = f"it and {files} are" if (folder / home.database.name).exists() else f"{files} are"
    what = "it is" if shared else what
    say(f"MLflow's database {fault}: {what} kept in {folder}; delete that if you need nothing of it")


def _new_folder(home: Home) -> Path:
    """Make a folder that is named after the time; never one that exists."""
    base = f"{ASIDE}-{datetime.now().astimezone():%Y-%m-%d-%H%M%S}"
    number = 1
    while True:
        folder = home.path / (base if number == 1 else f"{base}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder
