"""A recorded sweep with one of everything, and a second one that shares its fits. A formula trains.

There are complete, pruned, failed and stopped trials, fits beside the search, reports and exported models.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps.analysis import extra_fits, variance_components
from sweeps.analysis.best_trial import pick
from sweeps.analysis.exam import comparison as on_exam
from sweeps.analysis.exam import wording as exam_wording
from sweeps.analysis.exam.comparison import ExamSettings, exam_of
from sweeps.analysis.exam.page import page as exam_page
from sweeps.analysis.exam.refits import further_fits, key_of, winners_of
from sweeps.analysis.extra_fits import ExtraFits
from sweeps.analysis.folds import comparison, wording
from sweeps.analysis.folds.comparison import ComparisonSettings
from sweeps.analysis.folds.page import page
from sweeps.definition import prepare as preparing
from sweeps.definition.identity import plan_of
from sweeps.definition.prepare import Prepared
from sweeps.definition.sweep_file import read_sweep_file
from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from sweeps.export import model_card, model_json
from sweeps.export.about import FormatReport
from sweeps.export.evaluation_images import EvaluationImages
from sweeps.export.model_folder import digest_of
from sweeps.export.parity import Parity
from sweeps.export.request import ExportRequest
from sweeps.export.retraining import Member
from sweeps.export.selection import Made, ModelSelection, choose
from sweeps.export.with_exam import choose_with_exam, joined
from sweeps.retraining.recorded_code import RecordedCode
from tests.closed_formula import InlineWorkers, run_of, starter
from tests.labelled_trainer import labelled
from tracking.ledger import seal
from tracking.ledger.file import checksum
from tracking.ledger.ledger import Ledger
from tracking.ledger.rows import rows_of
from tracking.records import Opening, Purpose, ReportRecord
from trainer.architectures.inspect_messages import Accepted
from trainer.canonical import canonical_json
from trainer.datasets import open_stored
from trainer.fits.results import FitRun
from trainer.hyperparameters import Choice
from trainer.process.jobs import Job, out_of_time
from trainer.user_code import UserSource

NAME, SHARING = "made", "longer"
IMAGES, CLASSES = 60, 3

#: How often each architecture is right.
#: The fit that takes longer than its limit: architecture, trial, fold, repeat.
SLOW = ("mine", 1, 1, 0)

CHANCES = {"lenet": 0.9, "mine": 0.7, "baseline": 0.5}

SWEEP = """\
# Small, with one of everything.
name = "{name}"
seed = 3
trials = {trials}
dataset = "data.npz"

[cv]
folds = 3
epochs = 5

[search]
startup = 2

[prune]
startup = 2
rungs = [2]

[limits]
fit_minutes = 5

[architectures.mine]
source = "mine.py:Net"

[[architectures.mine.start]]
units = 24

[architectures.lenet]
batch_size = 32

[architectures.baseline]
dropout = { low = 0.2, high = 0.4 }
"""

TEXT = """\
def Net(hyperparameters, input_shape, classes):
    raise NotImplementedError("a formula takes the place of training")
"""


class VariedWorkers(InlineWorkers):
    """Trains by looking at the labels. Some fits fail, as the formula says; one takes nearly five minutes."""

    def __init__(self, count: int = 2, kill_after: int | None = None) -> None:
        super().__init__(count, kill_after=kill_after)

    def finished(self, timeout: float) -> list[tuple[Job, FitRun]]:
        """See ``Workers``."""
        return [(job, trained(job, run)) for job, run in super().finished(timeout)]


def trained(job: Job, run: FitRun) -> FitRun:
    """Return the run of a fit; the slow one is stopped if it has a limit."""
    run = labelled(job, replace(run, timing=replace(run.timing, host="here")), CHANCES[job.spec.architecture])
    if (job.spec.architecture, job.trial, job.spec.fold, job.spec.repeat) != SLOW:
        return run
    slow = replace(run.timing, ended_at=run.timing.started_at + 297.0)
    if job.seconds is None:
        return replace(run, timing=slow)
    late = out_of_time(job, slow.started_at)
    return replace(late, timing=replace(late.timing, ended_at=slow.started_at + job.seconds + 1.5))


@contextmanager
def workers(_log: Path) -> Iterator[InlineWorkers]:
    """Start the workers that a verification takes."""
    yield VariedWorkers()


def record(folder: Path) -> Path:
    """Record the sweep, all that is beside it, and the sweep that shares its fits; return the home.

    Args:
        folder: an empty folder; takes the dataset, the user's architecture, the sweep files and the home.
    """
    rng = np.random.default_rng(1)
    names = np.array(["cat", "dog", "eel"])
    images, labels = rng.integers(0, 255, (IMAGES, 8, 8), dtype=np.uint8), np.arange(IMAGES) % CLASSES
    arrays: dict[str, Any] = {"images": images, "labels": labels, "class_names": names}
    arrays |= {"test_images": 255 - images[:12], "test_labels": labels[:12]}
    np.savez(folder / "data.npz", allow_pickle=False, **arrays)
    (folder / "mine.py").write_text(TEXT)
    home = folder / "home"
    for name, trials in ((NAME, 4), (SHARING, 5)):
        file = folder / f"{name}.toml"
        file.write_text(SWEEP.replace("{name}", name).replace("{trials}", str(trials)))
        with Ledger.open(home) as ledger:
            run_sweep(
                prepared(file), home, ledger,
                start_workers=starter(VariedWorkers()), workers=1, progress=Silent(),
            )  # fmt: skip
    with Ledger.open(home) as ledger:
        _compare(home, ledger)
        _examine(home, ledger)
        _measure_variance(home, ledger)
    for how in ("refit", "ensemble", "refit-all"):
        with Ledger.open(home) as ledger:
            _export(folder, ledger, how)
    return home


def prepared(file: Path) -> Prepared:
    """Read a sweep file whose user's architecture is not run to look at it."""

    def look(spec: str, *, base: Path, **_: Any) -> Accepted:
        source = UserSource(spec=spec, files=(("mine.py", (base / "mine.py").read_text()),))
        return Accepted(source=source, space={"units": Choice((8, 16, 24))})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparing, "inspect_user", look)
        return preparing.prepare(*read_sweep_file(file))


def _train(home: Path, ledger: Ledger, purpose: Purpose, wanted: Sequence[ExtraFits]) -> None:
    """Record extra fits, as ``experiments`` does."""
    dataset = ledger.sweep(NAME).dataset
    assert dataset.exam is not None
    stored, exam = (home / "datasets" / each for each in dataset.fingerprints)
    for further in wanted:
        trial = further.trial
        ledger.add_further_fits(NAME, purpose, trial.architecture, trial.number, further.specs)
        for spec in further.specs.values():
            job = Job(spec=spec, dataset=str(stored), exam=str(exam))
            ledger.add_run(spec, trained(job, run_of(spec)))


def _compare(home: Path, ledger: Ledger) -> None:
    entry, record = ledger.entry(NAME), ledger.sweep(NAME)
    assert entry is not None
    _train(home, ledger, Purpose.COMPARISON, comparison.further_fits(record, plan_of(entry), 2))
    data = open_stored(home / "datasets" / record.dataset.fingerprint)
    found = comparison.compare(ledger.sweep(NAME), data, ComparisonSettings(repeats=2))
    report = ReportRecord(content=json.dumps(wording.to_json(found)), page=page(found))
    ledger.add_report(NAME, Purpose.COMPARISON, report)


def _examine(home: Path, ledger: Ledger) -> None:
    """Compare on the exam, as ``sweeps.analysis.exam.experiment`` does."""
    entry, record = ledger.entry(NAME), ledger.sweep(NAME)
    assert entry is not None
    told, plan = record.dataset.exam, plan_of(entry)
    assert told is not None
    winners = winners_of(record, None)
    at = 1_790_000_050.0
    for winner in winners:
        model = key_of(winner, record.seed, plan.platform)
        ledger.add_opening(Opening(exam=told.fingerprint, sweep=NAME, purpose="compare", model=model, at=at))
    _train(home, ledger, Purpose.EXAM, further_fits(record, plan, told.fingerprint, 3, winners))
    data = open_stored(home / "datasets" / told.fingerprint)
    openings = ledger.openings(told.fingerprint)
    exam = exam_of(entry, told, data, record.metric, openings)
    found = on_exam.compare(ledger.sweep(NAME), exam, ExamSettings(refits=3))
    report = ReportRecord(content=json.dumps(exam_wording.to_json(found)), page=exam_page(found))
    ledger.add_report(NAME, Purpose.EXAM, report)


def _measure_variance(home: Path, ledger: Ledger) -> None:
    entry, record = ledger.entry(NAME), ledger.sweep(NAME)
    assert entry is not None
    trial = variance_components.chosen(record, "lenet")
    plan, planned = extra_fits.planned(entry, "lenet")
    _train(home, ledger, Purpose.VARIANCE, [variance_components.further_fits(plan, planned, trial, 4)])
    fits = ledger.further_fits(NAME, Purpose.VARIANCE)["lenet", trial.number]
    found = variance_components.variances(record, trial, fits, 4)
    report = ReportRecord(content=json.dumps(variance_components.to_json(found)), page="")
    ledger.add_report(NAME, "variance-lenet", report)


def _export(folder: Path, ledger: Ledger, how: Made) -> None:
    """Export a model whose file is made up; all that is said of it is what an export says."""
    record, entry = ledger.sweep(NAME), ledger.entry(NAME)
    assert entry is not None
    data = exam = None
    if how == "refit-all":
        search, exam = (open_stored(folder / "home" / "datasets" / e) for e in record.dataset.fingerprints)
        data = joined(search, exam)
        choice = choose_with_exam(record, pick(record), data)
    else:
        choice = choose(record, pick(record), how)
    request = ExportRequest(
        record=record, entry=entry, code=RecordedCode({}), choice=choice, formats=("keras",),
        out=folder / "models", home=folder / "home", log=folder / "log", trained_on=data, exam=exam,
    )  # fmt: skip
    stored = data or open_stored(request.dataset)
    images = EvaluationImages(images=stored.images, name="images of the training data", test=None)
    probabilities = np.full((IMAGES, CLASSES), 1 / 3, np.float32)
    if choice.twin is not None:
        seen = open_stored(folder / "home" / "datasets" / record.dataset.fingerprints[1])
        images = EvaluationImages(images=seen.images, name="the official test set", test=seen)
        probabilities = np.eye(CLASSES, dtype=np.float32)[choice.twin.run.result.predicted_classes()]
    members = [
        Member(run=fold.run if fold else _refit(choice), weights=folder, probabilities=folder)
        for fold in choice.recorded
    ]
    about = model_card.describe(request, members, images, probabilities)
    request.target.mkdir(parents=True)
    (request.target / "model.keras").write_bytes(b"a made-up model")
    file = request.target / "model.keras"
    proof = Parity(images=IMAGES, largest_difference=1e-7, ties=0, ms_per_image=0.5)
    about = replace(
        about, formats={"keras": FormatReport(file=file.name, bytes=15, proof=proof, sha256=digest_of(file))}
    )
    (request.target / model_json.ABOUT).write_text(model_card.to_json(about), encoding="utf-8")
    exported_at = 1_790_000_100.0 + len(ledger.exports(NAME))
    ledger.add_export(NAME, {**about.to_json(), "folder": str(request.target.absolute())}, exported_at)


def _refit(choice: ModelSelection) -> FitRun:
    """Return the run of the winner's refit that was scored on the exam, as an export trains it."""
    recorded = choice.twin or choice.smaller
    assert recorded is not None
    run = recorded.run
    return replace(run, result=replace(run.result, key=choice.specs[0].key))


def reseal(connection: sqlite3.Connection) -> None:
    """Make every checksum and every seal fit again, as somebody who knows refold would."""
    for row in connection.execute("SELECT * FROM fits").fetchall():
        connection.execute("UPDATE fits SET checksum = ? WHERE key = ?", (checksum(*row[:5]), row[0]))
    connection.execute("DELETE FROM seals")
    for (sweep,) in connection.execute("SELECT name FROM sweeps").fetchall():
        digests, notes = canonical_json(rows_of(connection, sweep)), "[]"
        connection.execute(
            "INSERT INTO seals VALUES (?, ?, ?, ?)", (sweep, digests, notes, seal.seal_digest(digests, notes))
        )
