"""The MLflow content of a winner's refits on the exam, as plain data: one run a winner."""

import json
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from tracking.mlflow.content import RunContent, sweep_identity, trial_content
from tracking.mlflow.files import digest_of
from tracking.mlflow.points import Point, legal_name, milliseconds
from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.canonical import recorded
from trainer.escaping import for_terminal
from trainer.fits.names import fit_name
from trainer.metrics.metric import MACRO_F1
from trainer.quantities import counted


def settled_refits(refits: Sequence[FoldRecord]) -> tuple[FoldRecord, ...]:
    """Return the refits that are final: those before the first one that is not recorded yet."""
    return tuple(fit for place, fit in enumerate(refits) if fit.spec.repeat == place)


def refits_content(record: SweepRecord, trial: TrialRecord, refits: tuple[FoldRecord, ...]) -> RunContent:
    """Return the run of a winner's refits: the score of each, one after the other, and their mean.

    Its metrics begin with ``exam/``, so that MLflow does not rank it among the trials of the search.

    Args:
        record: the sweep.
        trial: the winner.
        refits: its settled refits, at least one.
    """
    like = trial_content(record, trial)
    key = f"{sweep_identity(record)}/exam/{for_terminal(trial.name)}"
    tags = {name: text for name, text in like.tags.items() if not name.startswith("mlflow.loggedArtifacts")}
    ended = max(milliseconds(fit.run.timing.ended_at) for fit in refits)
    text = json.dumps([_plain(fit, trial) for fit in refits], indent=2, sort_keys=True, default=str) + "\n"
    return replace(
        like,
        key=key,
        name=f"{for_terminal(trial.name)} on the exam",
        tags=tags | {"refold.kind": "exam", "refold.key": key, "mlflow.note.content": _note(trial, refits)},
        points=_points(refits),
        status="FINISHED",
        started_ms=min(milliseconds(fit.run.timing.started_at) for fit in refits),
        ended_ms=ended,
        files={"refits.json": text.encode},
        files_digest=digest_of(text),
    )


def examined_points(record: SweepRecord) -> list[Point]:
    """Return each winner's mean score on the exam; the step is the number of its refits."""
    found = []
    for (architecture, _), every in record.examined.items():
        refits = settled_refits(every)
        scores = [fit.run.result.score for fit in refits if fit.run.result.score is not None]
        if scores:
            at = max(milliseconds(fit.run.timing.ended_at) for fit in refits)
            found.append(Point(legal_name(f"exam_of/{architecture}"), fmean(scores), at, len(refits)))
    return found


def _points(refits: tuple[FoldRecord, ...]) -> tuple[Point, ...]:
    """Return a point for each refit that did not fail, and one of their mean so far."""
    points, scores = [], []
    for number, fit in enumerate(refits):
        if fit.run.result.score is not None:
            scores.append(fit.run.result.score)
            at, key = milliseconds(fit.run.timing.ended_at), fit.spec.metric.key
            points += [
                Point(f"exam/{key}", fit.run.result.score, at, number),
                Point(f"exam/{key}_mean", fmean(scores), at, number),
            ]
    return tuple(points)


def _note(trial: TrialRecord, refits: tuple[FoldRecord, ...]) -> str:
    failed = sum(fit.run.result.state != "complete" for fit in refits)
    more = f" {failed} of them failed." if failed else ""
    return (
        f"{counted(len(refits), 'refit')} of {for_terminal(trial.name)}: trained on all images of the "
        f"search, each with other seeds, and scored on the exam.{more} What follows from the scores is in "
        "the sweep's own run, in exam.html."
    )


def _plain(fit: FoldRecord, trial: TrialRecord) -> dict[str, object]:
    result = fit.run.result
    return {
        "name": fit_name(fit.spec, trial.number),
        "key": result.key,
        "spec": fit.spec.to_json(),
        "state": result.state,
        "reason": result.reason,
        **({} if fit.spec.metric == MACRO_F1 else {"score": result.score}),
        "f1": result.f1,
        "weights_sha256": result.weights_sha256,
        "probabilities_sha256": result.probabilities_sha256,
        "parameters": result.parameters,
        "timing": recorded(fit.run.timing),
        "environment": fit.run.environment.to_json(),
    }
