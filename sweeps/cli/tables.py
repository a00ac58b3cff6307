"""What the command line prints of a record: tables for people, JSON for programs."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from sweeps.verification.verify import Report
from tracking.records import SweepRecord, TrialRecord
from tracking.reports.savings import savings
from trainer.fits.names import trial_name
from trainer.quantities import duration

if TYPE_CHECKING:
    from sweeps.export.about import Score
    from sweeps.export.pipeline import Exported
    from sweeps.export.predict import Prediction


def leaderboard(record: SweepRecord) -> Table:
    """Return each architecture's best trial, best first."""
    table = _table("", "trial", "macro-F1", "folds: mean ± std", "epochs", "time", "trials")
    numeric = ("", "macro-F1", "folds: mean ± std", "epochs", "time", "trials")
    for column in table.columns:
        column.justify = "right" if column.header in numeric else "left"
    for place, trial in enumerate(record.winners, start=1):
        ended = _ended(record, trial.architecture)
        table.add_row(
            str(place), trial.name, f"{trial.f1:.4f}", _spread(trial), _epochs(trial),
            duration(trial.training_seconds), f"{len(ended)}/{record.trials_per_architecture}",
        )  # fmt: skip
    return table


def without_winner(record: SweepRecord) -> list[str]:
    """Return a line for each architecture that has no complete trial, saying why."""
    lines = []
    winners = {trial.architecture for trial in record.winners}
    for name in record.architectures:
        ended = _ended(record, name)
        if name not in winners and ended:
            reasons = "; ".join(dict.fromkeys(str(trial.reason) for trial in ended))
            lines.append(f"{name}: none of its {len(ended)} trials is complete: {reasons}")
        elif name not in winners:
            lines.append(f"{name}: no trial has ended yet")
    return lines


def what_pruning_saved(record: SweepRecord) -> list[str]:
    """Return a line about it, none if no trial was pruned."""
    saved = savings(record)
    return [f"{saved}"] if saved.pruned else []


def trials_table(record: SweepRecord) -> Table:
    """Return every trial in order."""
    table = _table("trial", "state", "macro-F1", "folds: mean ± std", "epochs", "hyperparameters")
    for trial in record.trials:
        score = f"{trial.f1:.4f}" if trial.f1 is not None else ""
        what = trial.reason or _values(trial)
        table.add_row(
            trial.name, trial.state, score, _spread(trial), _epochs(trial), what
        )  # fmt: skip
    return table


def folds_table(trial: TrialRecord) -> Table:
    """Return the folds of one trial: score, epochs, seeds and the digest of the weights."""
    table = _table("fold", "macro-F1", "best epoch", "time", "initialisation seed", "order seed", "weights")
    for fold in trial.folds:
        result, seeds = fold.run.result, fold.spec.seeds
        table.add_row(
            str(fold.spec.fold),
            "failed" if result.f1 is None else f"{result.f1:.4f}",
            f"{result.best_epoch} of {len(result.epochs)}",
            duration(fold.run.timing.seconds),
            str(seeds.initialisation),
            str(seeds.order),
            result.weights_sha256[:16],
        )
    return table


def sweeps_table(records: Sequence[SweepRecord]) -> Table:
    """Return one row for each sweep of a home."""
    table = _table("sweep", "dataset", "begun", "trials", "best macro-F1", "of", "digest")
    for record in records:
        best = record.ranking[:1]
        ended, asked = record.progress
        begun = datetime.fromtimestamp(record.created_at).astimezone()
        table.add_row(
            record.name,
            record.dataset.name,
            begun.strftime("%Y-%m-%d %H:%M"),
            f"{ended}/{asked}",
            f"{best[0].f1:.4f}" if best else "",
            best[0].name if best else "",
            record.digest[:16] if record.finished else "not finished",
        )
    return table


def sweep_json(record: SweepRecord) -> dict[str, Any]:
    """Return a sweep as one JSON object; docs/architecture.md describes it."""
    return {
        "sweep": record.name,
        "seed": record.seed,
        "key": record.key,
        "digest": record.digest,
        "finished": record.finished,
        "dataset": {
            "name": record.dataset.name,
            "fingerprint": record.dataset.fingerprint,
            "samples": record.dataset.samples,
            "classes": list(record.dataset.classes),
        },
        "trials": [trial_json(trial) for trial in record.trials],
    }


def trial_json(trial: TrialRecord) -> dict[str, Any]:
    """Return a trial as one JSON object."""
    outcome = trial.outcome()
    return outcome | {
        "trial": trial.name,
        "reason": trial.reason,
        "f1_mean": trial.f1_mean,
        "f1_std": trial.f1_std,
        "duration_s": round(trial.training_seconds, 3),
        "folds": [
            {**entry, "key": fold.spec.key} for entry, fold in zip(outcome["folds"], trial.folds, strict=True)
        ],
    }


def verification_lines(report: Report) -> list[str]:
    """Return what a verification found, for people."""
    kind = "the same kind of machine" if report.same_kind else "another kind of machine"
    promise = "identical bytes are promised" if report.same_kind else "no promise of identical bytes"
    lines = [f"recorded on {kind}: {promise}"]
    if report.differences:
        first, more = report.differences[0], len(report.differences) - 1
        lines += [f"MISMATCH  {first}"]
        lines += [f"and {more} more after it; --json lists them"] if more else []
        if not report.trained:
            lines.append("nothing was trained again: this comes before it")
    else:
        lines.append(
            f"MATCH  {report.sweep}: {report.proposed} trials proposed again, {report.trained} of "
            f"{report.recorded} fits trained again, every digest equal"
        )
        if report.trained < report.recorded:
            lines.append("--all trains every fit again")
    return lines


def verification_json(report: Report) -> dict[str, Any]:
    """Return what a verification found as one JSON object."""
    return {
        "sweep": report.sweep,
        "match": not report.differences,
        "same_machine_kind": report.same_kind,
        "trials_proposed": report.proposed,
        "fits_trained": report.trained,
        "fits_recorded": report.recorded,
        "differences": [{"where": d.where, "subject": d.subject, "what": d.what} for d in report.differences],
    }


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _ended(record: SweepRecord, architecture: str) -> list[TrialRecord]:
    return [t for t in record.trials if t.architecture == architecture and t.state != "running"]


def _spread(trial: TrialRecord) -> str:
    if trial.f1_mean is None:
        return ""
    return f"{trial.f1_mean:.4f}" + (f" ± {trial.f1_std:.4f}" if trial.f1_std is not None else "")


def _epochs(trial: TrialRecord) -> str:
    return "+".join(str(len(fold.run.result.epochs)) for fold in trial.folds)


def _values(trial: TrialRecord) -> str:
    return " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in sorted(trial.hyperparameters.items())
    )


def export_lines(done: "Exported") -> list[str]:
    """Return what was exported, for people."""
    about, scores = done.about, done.about.scores
    epochs = "+".join(str(fit.best_epoch) for fit in about.fits)
    lines = [
        f"{trial_name(about.architecture, about.trial)}, {about.how}, {epochs} epochs",
        _scored("cross-validation", scores.cross_validation, ", held out fold by fold"),
    ]
    if scores.fold:
        lines.append(_scored("its held-out fold", scores.fold, ""))
    if scores.test:
        lines.append(_scored("official test set", scores.test, ", opened now"))
    lines += ["", f"each loaded in a fresh process, compared on {about.compared_on}:"]
    for name, form in about.formats.items():
        proof = form.proof
        lines.append(
            f"  {name:<10} {form.where:<12} {form.bytes / 1e6:7.2f} MB  "
            f"{proof.ms_per_image:6.2f} ms/image  largest difference {proof.largest_difference:.1e} "
            f"on {proof.images} images" + (f", {proof.ties} ties" if proof.ties else "")
        )
    return [*lines, "", f"{done.folder}/", "  README.md is its model card, model.json the same for programs"]


def _scored(where: str, score: "Score", more: str) -> str:
    figures = f"macro-F1 {score.f1:.4f}, accuracy {score.accuracy:.4f}"
    return f"{where:<17}  {figures} ({score.images} images{more})"


def prediction_lines(predictions: "Sequence[Prediction]") -> list[str]:
    """Return image, class and probability in columns."""
    images = max((len(each.image) for each in predictions), default=0)
    classes = max((len(each.class_name) for each in predictions), default=0)
    return [f"{p.image:<{images}}  {p.class_name:<{classes}}  {p.probability:.4f}" for p in predictions]


def print_leaderboard(out: Console, record: SweepRecord) -> None:
    """Print each architecture's best trial, what has none and why, and what pruning spared."""
    out.print(leaderboard(record))
    for line in [*without_winner(record), *what_pruning_saved(record)]:
        out.print(line, markup=False)
