"""``refold.inspect``: looks at a source, at a sweep file's images, or at a recorded sweep's."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.home import Home
from sweeps.inspection.inspect import Progress
from sweeps.inspection.inspect import inspect as examined
from sweeps.retraining.recorded_fits import load_again
from tracking.ledger.ledger import Ledger
from trainer.datasets import Arrays, DatasetSource
from trainer.datasets.arrays import fingerprint_of
from trainer.errors import UsageError

if TYPE_CHECKING:
    from sweeps.inspection.findings import Inspection
    from sweeps.inspection.suspects import Suspect
    from tracking.ledger.entry import SweepEntry
    from trainer.datasets import Loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionReport:
    """What was found in the images of a sweep.

    Attributes:
        inspection: the findings.
        loaded: the images.
        suspects: likely label errors; None if they were not asked for.
    """

    inspection: "Inspection"
    loaded: "Loaded"
    suspects: "list[Suspect] | None" = None

    def to_json(self) -> dict[str, Any]:
        """Return the findings as JSON data.

        ``images`` (their number), ``classes`` (number of images by name), ``groups`` (their number or None),
        ``facts``, ``duplicates`` (each with ``kind``, ``paths``, ``labels``, ``crosses``), ``problems`` (a
        line each), ``serious`` (those of them that make the answer wrong), ``suggestions`` (by key of
        the sweep file); and ``label_errors``, the fields of ``Suspect`` each, if they were asked for.
        """
        found = self.inspection
        told: dict[str, Any] = {
            "images": len(found.members),
            "classes": dict(found.classes),
            "groups": found.groups,
            "facts": list(found.facts),
            "duplicates": [
                {
                    "kind": each.kind,
                    "paths": list(each.paths),
                    "labels": list(each.labels),
                    "crosses": list(each.crosses),
                }
                for each in found.duplicates
            ],
            "problems": [each.text for each in found.problems],
            "serious": [each.text for each in found.problems if each.serious],
            "suggestions": dict(found.suggestions),
        }
        if self.suspects is not None:
            told["label_errors"] = [asdict(each) for each in self.suspects]
        return told

    def members(self) -> list[dict[str, Any]]:
        """Return where each image is: ``path``, ``label``, ``group``, ``part`` and ``fold``."""
        return [asdict(each) for each in self.inspection.members]

    def page(self) -> str:
        """Return the findings as an HTML page with pictures, which loads no other file."""
        from sweeps.inspection.page import page

        return page(self.inspection, self.loaded, self.suspects)


def inspect(  # noqa: PLR0913 - as many as the command line's
    what: str | Path | DatasetSource | Arrays,
    home: Path | str | None = None,
    *,
    near: bool = True,
    labels: bool = False,
    sweep: bool = False,
    workers: int | None = None,
    progress: Progress = lambda _what, _done, _total: None,
    trust_code: bool = False,
) -> InspectionReport:
    """Look at images before anything is trained; or label errors after it.

    Args:
        what: a dataset's name or path, a sweep file, the name of a recorded sweep, or a dataset.
        home: the folder that holds recorded sweeps; ``REFOLD_HOME`` or ``refold-runs`` if None.
        near: whether to look for near duplicates too.
        labels: whether to look for likely label errors of a recorded, finished sweep. The fits of its best
            trial are trained again for that.
        sweep: whether a recorded sweep is meant where a folder or file has the same name, as with ``labels``.
        workers: number of processes that train side by side; one per core if None.
        progress: called now and then with what is done, how many images are done, and of how many.
        trust_code: let the record's own code run, even if the home is somebody else's.

    Raises:
        UsageError: if there is nothing of that name, or it cannot be read.
        Mismatch: if a fit trained again is not the recorded one.
    """
    place = Home.chosen(None if home is None else str(home))
    entry = _recorded(str(what), place, sure=sweep or labels)
    if labels and entry is None:
        raise UsageError(f"{str(what)!r} is no recorded sweep: label errors are found after a sweep")
    if entry is not None:
        cv = entry.identity.get("cv", {})
        base, folds, seed = Path(entry.details.folder), int(cv.get("folds", 5)), entry.seed
        source = entry.details.dataset
        images = load_again(place.path, entry) if fingerprint_of(source) is not None else source
        found = examined(images, base=base, folds=folds, seed=seed, near=near, progress=progress)
        suspects = _suspects(place, entry, found.loaded, workers, trust_code=trust_code) if labels else None
        return InspectionReport(inspection=found.inspection, loaded=found.loaded, suspects=suspects)
    if isinstance(what, DatasetSource | Arrays):
        found = examined(what, near=near, progress=progress)
    elif str(what).endswith(".toml"):
        from sweeps.definition.sweep_file import read_sweep_file

        spec, _ = read_sweep_file(Path(what))
        found = examined(
            spec.dataset, base=spec.folder, folds=spec.cv.folds, seed=spec.seed, near=near, progress=progress
        )
    else:
        found = examined(DatasetSource(source=str(what)), near=near, progress=progress)
    return InspectionReport(inspection=found.inspection, loaded=found.loaded)


def _recorded(name: str, home: Home, *, sure: bool) -> "SweepEntry | None":
    """Return a recorded sweep's entry; None if there is none of that name.

    Args:
        name: the name.
        home: where sweeps are recorded.
        sure: whether a sweep is meant even if a file or folder has its name: 'refold new' calls a sweep like
            the folder of its images.
    """
    if "/" in name or name.endswith(".toml") or (not sure and Path(name).exists()):
        return None
    try:
        with Ledger.read(home.path) as ledger:
            return ledger.entry(name)
    except UsageError:  # there is no ledger
        return None


def _suspects(
    home: Home, entry: "SweepEntry", loaded: "Loaded", workers: int | None, *, trust_code: bool
) -> "list[Suspect]":
    from sweeps.cluster.coordinator import local_workers
    from sweeps.diagnostics.machine import worker_count
    from sweeps.inspection.suspects import suspects
    from sweeps.retraining.out_of_fold import HeldOutSource
    from trainer.datasets import stored_at

    with Ledger.read(home.path) as ledger:
        record = ledger.sweep(entry.name)
    if not record.ranking:
        raise UsageError(f"no trial of the sweep {entry.name!r} is complete yet: run it to its end first")
    if loaded.search.fingerprint != entry.dataset.fingerprint:
        raise UsageError(
            f"the dataset of the sweep {entry.name!r} has changed: label errors would be others'"
        )
    count = worker_count(workers)
    source = HeldOutSource(
        home=home.path,
        entry=entry,
        stored=stored_at(home.path / "datasets", entry.dataset.fingerprint),
        start_workers=lambda log: local_workers(count, log),
        trust_code=trust_code,
    )
    return suspects(loaded, source.probabilities(record.ranking[0]))
