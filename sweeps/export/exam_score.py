"""The score of an exported model on the exam: its interval, other refits of its trial, and the runner-up."""

from collections.abc import Sequence

import numpy as np

from sweeps.analysis.best_trial import exam_score, exam_scores, rank
from sweeps.analysis.statistics.clustered import scored
from sweeps.analysis.statistics.exam import FEWEST_REFITS
from sweeps.analysis.statistics.leave_one_out import Predictions
from sweeps.analysis.statistics.mean_of_seeds import mean_of_seeds
from sweeps.analysis.statistics.one_model import one_model
from sweeps.analysis.statistics.score_interval import TAIL
from sweeps.analysis.statistics.two_models import two_models
from sweeps.export.about import ExamScore, RefitsScore, RunnerUp
from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.datasets import Dataset
from trainer.metrics.confusion import Confusion, accuracy, confusion_matrix, macro_f1
from trainer.metrics.metric import MACRO_F1, Metric

#: How often an interval may miss: all that hold at the same time together.
MISSES = 2 * TAIL


def score_on(exam: Dataset, record: SweepRecord, trial: TrialRecord, predicted: Predictions) -> ExamScore:
    """Return a model's score on the exam.

    Its interval is for this model alone, with new images like the exam's. If several winners were scored on
    the exam, one of their models is chosen by that, so the intervals of all hold at the same time
    (Bonferroni: each at the level 1 - 0.05 / models). The difference from the runner-up's model is held the
    same way for all pairs of these models.

    Args:
        exam: the exam.
        record: the sweep, with the refits that ``refold compare`` has scored.
        trial: the trial that the model was made from.
        predicted: the model's predictions for the exam's images: ``[m]`` classes, or ``[m, classes]``
            probabilities if the metric needs these.
    """
    models = models_of(record, trial)
    level = 1 - MISSES / models
    metric, classes = trial.metric, len(exam.classes)
    said = predicted if metric.counts else predicted.argmax(axis=1)
    found = scored(exam.labels, said, classes=classes, groups=exam.groups, level=level)
    confusion, groups = confusion_matrix(exam.labels, said, classes=classes), exam.groups
    if metric == MACRO_F1:
        low, high = found.f1.low, found.f1.high
    else:
        low, high = one_model(exam.labels, predicted, metric, classes=classes, groups=groups, level=level)
    return ExamScore(
        images=len(exam.labels),
        f1=macro_f1(confusion),
        accuracy=accuracy(confusion),
        confusion=confusion,
        metric=metric.recorded,
        value=None if metric == MACRO_F1 else _value(metric, exam, confusion, predicted),
        fingerprint=exam.fingerprint,
        low=low,
        high=high,
        level=level,
        of_models=models,
        groups=None if exam.groups is None else found.units,
        refits=refits_of(record.examined.get((trial.architecture, trial.number), ())),
        runner_up=_runner_up(exam, record, trial, predicted),
    )


def _value(metric: Metric, exam: Dataset, confusion: Confusion, predicted: Predictions) -> float:
    return metric.of(confusion) if metric.counts else metric.score(exam.labels, predicted)


def models_of(record: SweepRecord, trial: TrialRecord) -> int:
    """Return the number of models among which this trial's could have been chosen by their exam scores."""
    judged = [each for each in record.trials if exam_score(record, each) is not None]
    return len(judged) if trial.name in {each.name for each in judged} else 1


def refits_of(refits: Sequence[FoldRecord]) -> RefitsScore | None:
    """Return what a trial's refits score on average, with the t interval for other seeds; None if too few."""
    scores = exam_scores(refits)
    if len(scores) < FEWEST_REFITS:
        return None
    mean, interval = mean_of_seeds(scores, refits[0].spec.metric)
    low, high = interval or (None, None)
    return RefitsScore(count=len(scores), mean=mean, low=low, high=high)


def _runner_up(
    exam: Dataset, record: SweepRecord, trial: TrialRecord, predicted: Predictions
) -> RunnerUp | None:
    """Compare with the model of the best other winner: its first refit, if all winners were judged."""
    ranking = rank(record)
    others = [winner for winner in ranking.winners if winner.name != trial.name]
    if ranking.on != "exam" or not others:
        return None
    other = others[0]
    refit = next(iter(record.examined[other.architecture, other.number]))
    if refit.spec.repeat != 0 or refit.run.result.state != "complete" or refit.spec.exam != exam.fingerprint:
        return None
    models = models_of(record, trial)
    pairs = models * (models - 1) // 2 if models > 1 else len(others)
    found = two_models(
        exam.labels.astype(np.int64),
        predicted,
        refit.for_metric(),
        classes=len(exam.classes),
        groups=exam.groups,
        level=1 - MISSES / pairs,
        metric=trial.metric,
    )
    return RunnerUp(
        trial=other.name,
        difference=found.difference,
        low=found.low,
        high=found.high,
        level=1 - MISSES / pairs,
        of_pairs=pairs,
        only_this_right=found.only_one,
        only_other_right=found.only_other,
        p=found.p,
    )
