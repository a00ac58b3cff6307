"""The notes (descriptions) of MLflow's runs, in Markdown."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tracking.records import SweepRecord, TrialRecord
from tracking.reports.doubts import trial_notes
from tracking.reports.forecast import time_left
from tracking.reports.savings import savings
from trainer.escaping import for_markdown, for_markdown_code, for_shell
from trainer.quantities import counted, duration

#: The leaderboard's length: MLflow keeps 8000 characters of a note.
_PLACES = 20
#: Stands for the id of the note's run, which MLflow chooses when the run is created.
RUN_ID = "{run id}"


def sweep_note(record: SweepRecord, ranking: Sequence[TrialRecord], *, live: bool = True) -> str:
    """Return the note of a sweep: dataset, progress, leaderboard, and the next commands.

    Args:
        record: the sweep.
        ranking: the record's ranking, passed because computing it takes a while.
        live: whether the sweep is running now.
    """
    dataset = record.dataset
    lines = [
        f"# {for_markdown(record.name)}",
        "",
        _standing(record, live=live),
        "",
        f"Dataset **{for_markdown(dataset.name)}**: {counted(dataset.samples, 'image')} of "
        f"{'x'.join(map(str, dataset.input_shape))}, {len(dataset.classes)} classes, "
        f"fingerprint {for_markdown_code(dataset.fingerprint[:16])}. "
        f"Seed {record.seed}, {counted(record.fits_per_trial, 'fit')} a trial.",
        "",
        *_pruned(record),
        *(_picture("optimisation_history.png") if ranking else []),
        *leaderboard(ranking[:_PLACES]),
        *(_picture("folds.png") if ranking else []),
        *_failures(record),
        *_next(record, ranking, live=live),
        f"Sweep key {for_markdown_code(record.key)}, digest of the ended trials `{record.digest}`.",
    ]
    return "\n".join(lines)


def trial_note(trial: TrialRecord, fits: int, classes: Sequence[str], *, live: bool = True) -> str:
    """Return the note of a trial: its result, or its progress.

    Args:
        trial: the trial.
        fits: number of fits of a complete trial.
        classes: the names of the dataset's classes.
        live: whether its sweep is running now.
    """
    done = len(trial.fold_scores)
    if trial.state == "failed":
        first = f"**Failed** in fit {len(trial.folds)} of {fits}: {for_markdown(trial.reason)}"
    elif trial.state == "pruned":
        why = f": {for_markdown(trial.reason)}" if trial.reason else ""
        first = f"**Pruned** after {done} of {fits} folds{why}."
    elif trial.score is None:
        how = "Running" if live else "**Interrupted**"
        first = f"{how}: {done} of {fits} folds have ended."
    else:
        what = for_markdown(trial.metric.of_trials)
        first = f"{what[:1].upper()}{what[1:]}: **{trial.score:.4f}**{_spread(trial)}."
    remarks = [f"- {for_markdown(note)}" for note in trial_notes(trial, classes)]
    return "\n".join([first, "", *remarks]).rstrip()


def leaderboard(trials: Sequence[TrialRecord]) -> list[str]:
    """Return a Markdown table of complete trials, in the given order."""
    if not trials:
        return []
    rows = [
        f"| {place} | {for_markdown(trial.name)} | {trial.score or 0.0:.4f} | {_mean(trial)} "
        f"| {_epochs(trial)} | {duration(trial.training_seconds)} |"
        for place, trial in enumerate(trials, start=1)
    ]
    score = for_markdown(trials[0].metric.title)
    head = f"| place | trial | {score} | mean and spread of folds | epochs | training |"
    return ["## Leaderboard", "", head, "| ---: | --- | ---: | --- | ---: | ---: |", *rows, ""]


def _standing(record: SweepRecord, *, live: bool) -> str:
    """Return the progress of the sweep and its remaining time, as a sentence."""
    ended = [trial for trial in record.trials if trial.state != "running"]
    asked = len(record.architectures) * record.trials_per_architecture
    counts = {state: sum(t.state == state for t in ended) for state in ("pruned", "failed")}
    told = [f"{count} {state}" for state, count in counts.items() if count]
    how = f" ({', '.join(told)})" if told else ""
    far = f"{len(ended)} of {asked} trials have ended{how}"
    if record.finished:
        return f"**Finished.** {far}."
    if not live:
        return f"**Interrupted.** {far}; run the sweep again to continue it."
    left = time_left(record)
    when = "" if left is None else f"; about {duration(left[0])} left, as of {_clock(left[1])}"
    return f"**Running.** {far}{when}."


def _picture(artifact: str) -> list[str]:
    """Return the Markdown of a picture among the run's artifacts, by the address that MLflow's pages use."""
    return [f"![{artifact}](get-artifact?path={artifact}&run_uuid={RUN_ID})", ""]


def _pruned(record: SweepRecord) -> list[str]:
    """Return a sentence about what pruning has saved; empty if no trial was pruned."""
    saved = f"{savings(record)}."
    return [saved[0].upper() + saved[1:], ""] if any(t.state == "pruned" for t in record.trials) else []


def _failures(record: SweepRecord) -> list[str]:
    """Return the failed trials with their reasons, the first ten."""
    failed = [trial for trial in record.trials if trial.state == "failed"]
    if not failed:
        return []
    rows = [
        f"- {for_markdown(t.name)}: {for_markdown((t.reason or 'no reason recorded')[:200])}"
        for t in failed[:10]
    ]
    more = [f"- and {len(failed) - 10} more"] if len(failed) > 10 else []
    return ["## Failed", "", *rows, *more, ""]


def _next(record: SweepRecord, ranking: Sequence[TrialRecord], *, live: bool) -> list[str]:
    """Return the commands that are useful now."""
    name = for_shell(record.name)
    lines = [] if live or record.finished else [("run SWEEP.toml", "continue it")]
    lines.append((f"show {name}", "trials, folds, seeds, digests"))
    if ranking:
        best = ranking[0]
        lines += [
            (f"show {name} --trial {for_shell(best.name)}", "the best trial, class by class"),
            (f"verify {name}", "train a sample of it again, compare every digest"),
            (f"export {name}", "the best model, trained on all the data"),
            (f"study {name} --storage sqlite:///study.db", "the same for optuna-dashboard"),
        ]
    return [
        "## Next",
        "",
        *(f"- {for_markdown_code(f'refold {command}')}: {what}" for command, what in lines),
        "",
    ]


def _spread(trial: TrialRecord) -> str:
    """Return the folds' mean and spread, to be added to a sentence."""
    return f"; over the folds {_mean(trial)}" if trial.score_mean is not None else ""


def _mean(trial: TrialRecord) -> str:
    """Return the mean of the folds' scores with their standard deviation."""
    if trial.score_mean is None:
        return ""
    return f"{trial.score_mean:.4f}" + (f" ± {trial.score_std:.4f}" if trial.score_std is not None else "")


def _epochs(trial: TrialRecord) -> int:
    """Return the number of epochs of all fits of the trial."""
    return sum(len(fold.run.result.epochs) for fold in trial.folds)


def _clock(posix_seconds: float) -> str:
    return datetime.fromtimestamp(posix_seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
