"""Notes in Markdown: what a person reads first who opens a run."""

from collections.abc import Sequence

from tracking.records import SweepRecord, TrialRecord
from tracking.report import trial_name

#: The leaderboard's length: MLflow keeps 8000 characters of a note.
_PLACES = 20


def sweep_note(record: SweepRecord, ranking: Sequence[TrialRecord]) -> str:
    """Return what the sweep is, how far it has come, and its leaderboard.

    Args:
        record: what the note is about.
        ranking: the record's, which takes a while to work out.
    """
    ended = [trial for trial in record.trials if trial.state != "running"]
    asked = len(record.architectures) * record.trials_per_architecture
    dataset = record.dataset
    lines = [
        f"# {cell(record.name)}",
        "",
        f"{len(ended)} of {asked} trials have ended{_how(ended)}. "
        f"Seed {record.seed}, {record.fits_per_trial} fits a trial.",
        "",
        f"Dataset **{cell(dataset.name)}**: {dataset.samples} images of "
        f"{'x'.join(map(str, dataset.input_shape))}, {len(dataset.classes)} classes, "
        f"fingerprint `{dataset.fingerprint[:16]}`.",
        "",
        *leaderboard(ranking[:_PLACES]),
        *_failures(ended),
        "## Next",
        "",
        f"- `refold show {record.name}`: trials, folds, seeds, digests",
        f"- `refold export {record.name}`: the best model",
        "",
        f"Sweep key `{record.key}`, digest of the ended trials `{record.digest}`.",
    ]
    return "\n".join(lines)


def trial_note(trial: TrialRecord, fits: int) -> str:
    """Return how the trial ended, or how far it has come.

    Args:
        trial: what the note is about.
        fits: how many fits a complete trial has.
    """
    done = len(trial.fold_scores)
    if trial.state == "failed":
        first = f"**Failed** in fit {len(trial.folds)} of {fits}: {trial.reason}"
    elif trial.state == "pruned":
        first = f"**Pruned** after {done} of {fits} folds."
    elif trial.f1 is None:
        first = f"Running: {done} of {fits} folds have ended."
    else:
        first = f"Macro-F1 **{trial.f1:.4f}** of the pooled out-of-fold predictions{_spread(trial)}."
    remarks = dict.fromkeys(note for fold in trial.folds for note in fold.run.result.notes)
    return "\n".join([first, "", *(f"- {remark}" for remark in remarks)]).rstrip()


def leaderboard(trials: Sequence[TrialRecord]) -> list[str]:
    """Return a Markdown table of complete trials, in the order given."""
    if not trials:
        return []
    rows = [
        f"| {place} | {cell(trial_name(trial))} | {trial.f1 or 0.0:.4f} | {_mean(trial)} "
        f"| {_epochs(trial)} | {trial.training_seconds:.0f} s |"
        for place, trial in enumerate(trials, start=1)
    ]
    head = "| place | trial | macro-F1, pooled | mean and spread of folds | epochs | training |"
    return ["## Leaderboard", "", head, "| ---: | --- | ---: | --- | ---: | ---: |", *rows, ""]


def cell(text: str) -> str:
    """Return text that cannot break a Markdown table or heading."""
    return " ".join(text.replace("|", "\\|").split())


def _how(ended: Sequence[TrialRecord]) -> str:
    """Return how the trials ended, where not all were completed."""
    counts = {state: sum(t.state == state for t in ended) for state in ("pruned", "failed")}
    told = [f"{count} {state}" for state, count in counts.items() if count]
    return f" ({', '.join(told)})" if told else ""


def _failures(ended: Sequence[TrialRecord]) -> list[str]:
    """Return the failed trials with their reasons, the first ten."""
    failed = [trial for trial in ended if trial.state == "failed"]
    if not failed:
        return []
    rows = [f"- {cell(trial_name(t))}: {cell(t.reason or 'no reason recorded')[:200]}" for t in failed[:10]]
    more = [f"- and {len(failed) - 10} more"] if len(failed) > 10 else []
    return ["## Failed", "", *rows, *more, ""]


def _spread(trial: TrialRecord) -> str:
    """Return the folds' mean and spread as a subordinate clause."""
    return f"; over the folds {_mean(trial)}" if trial.f1_mean is not None else ""


def _mean(trial: TrialRecord) -> str:
    """Return the mean of the folds' macro-F1 with their standard deviation."""
    if trial.f1_mean is None:
        return ""
    return f"{trial.f1_mean:.4f}" + (f" ± {trial.f1_std:.4f}" if trial.f1_std is not None else "")


def _epochs(trial: TrialRecord) -> int:
    """Return how many epochs all fits of the trial trained."""
    return sum(len(fold.run.result.epochs) for fold in trial.folds)
