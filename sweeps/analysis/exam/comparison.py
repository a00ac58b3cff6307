"""Compares winners by refits that are scored on an exam. Pure functions of record and labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np
import numpy.typing as npt

from sweeps.analysis.exam import limits
from sweeps.analysis.exam.refits import earlier_openings, key_of, recorded_refits, winners_of
from sweeps.analysis.statistics.exam import FEWEST_REFITS, LEVEL, Judged, JudgedPair, Judgement, judge
from sweeps.definition.region import fixed_rope
from tracking.ledger.entry import SweepEntry
from tracking.records import ExamRecord, FoldRecord, Opening, SweepRecord, TrialRecord, begin_alike
from tracking.reports.doubts import doubts
from trainer.datasets import Dataset
from trainer.errors import UsageError
from trainer.escaping import for_shell
from trainer.fits.names import fit_name
from trainer.fits.seeds import derive
from trainer.limits import REFITS
from trainer.metrics.metric import MACRO_F1, Metric
from trainer.quantities import counted

#: Refits of each winner if nothing else is asked for; with fewer an answer is called rough.
USUAL_REFITS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamSettings:
    """The settings of a comparison on an exam.

    Attributes:
        refits: number of refits of each winner, at least 3.
        rope: half the width of the region of practical equivalence, in [0, 0.5).
        architectures: those whose winners are compared; None for all of the sweep.
        looks: numbers of refits with which this exam's answer was looked at before, ascending.
    """

    refits: int = USUAL_REFITS
    rope: float = 0.005
    architectures: tuple[str, ...] | None = None
    looks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """An exam's labels, and what is recorded of it.

    Attributes:
        record: what it is.
        labels: ``[m]`` classes of its images.
        groups: ``[m]`` numbers of groups; None if every image is by itself.
        rope: the rope that was fixed when the sweep began.
        openings: every opening of it in the home, the oldest first.
    """

    record: ExamRecord
    labels: npt.NDArray[np.integer]
    groups: npt.NDArray[np.integer] | None
    rope: float
    openings: tuple[Opening, ...] = ()


def exam_of(
    entry: SweepEntry, told: ExamRecord, data: Dataset, metric: Metric, openings: Sequence[Opening]
) -> Exam:
    """Return the exam of a sweep.

    Args:
        entry: the sweep's entry in the ledger.
        told: what is recorded of the exam.
        data: its images.
        metric: the sweep's.
        openings: every opening of it.

    Raises:
        UsageError: if no rope was fixed and the metric has no usual one.
    """
    rope = fixed_rope(entry, metric)
    return Exam(record=told, labels=data.labels, groups=data.groups, rope=rope, openings=tuple(openings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Examinee:
    """One architecture's winner, and what its refits cost and scored.

    Attributes:
        architecture: the architecture's name.
        trial: the winner's number.
        trials: number of complete trials that it was chosen from.
        search: the score with which it won the search, of pooled held-out predictions.
        scores: of each refit that did not fail, in the order of their seeds.
        failed: the reason of each refit that failed.
        weights: number of the network's weights; None if it was not counted.
        ms_an_image: milliseconds in which a refit classified an image (median); None if not measured.
        seconds: of training a refit (mean).
        epochs: of a refit.
        shares_weights: whether all refits began with the same weights: then less than usual varies.
    """

    architecture: str
    trial: int
    trials: int
    search: float
    scores: tuple[float, ...]
    failed: tuple[str, ...]
    weights: int | None
    ms_an_image: float | None
    seconds: float
    epochs: int
    shares_weights: bool

    @property
    def name(self) -> str:
        """The winner's name, like ``resnet/3``."""
        return f"{self.architecture}/{self.trial}"

    @property
    def cost(self) -> tuple[float, float, float]:
        """By what the cheapest is chosen: weights, then time an image, then training time."""
        return (
            float("inf") if self.weights is None else self.weights,
            float("inf") if self.ms_an_image is None else self.ms_an_image,
            self.seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamComparison:
    """The result of a comparison on an exam.

    Attributes:
        sweep: the sweep's name.
        dataset: the dataset's name.
        samples: number of images that the refits were trained on.
        folds: number of folds of the search's cross-validation.
        stop_sets: whether the fits of the search had a stop set.
        exam: what the exam is.
        asked: the settings.
        fixed: the rope that was fixed when the sweep began.
        examinees: the winners, the highest score on the exam first.
        judgement: all numbers of them.
        opened_before: openings of this exam before this comparison.
        warnings: what is to be said of an exam that is too small.
        left_out: the reason for each architecture that could not be judged.
        doubts: what is hardly right in the refits' predictions. Not in recorded reports: it is said of
            those that were recorded before, too.
        metric: the sweep's metric, whose values all scores are.
    """

    sweep: str
    dataset: str
    samples: int
    folds: int
    stop_sets: bool
    exam: ExamRecord
    asked: ExamSettings
    fixed: float
    examinees: tuple[Examinee, ...]
    judgement: Judgement
    opened_before: tuple[Opening, ...]
    warnings: tuple[str, ...]
    left_out: Mapping[str, str]
    doubts: tuple[str, ...] = ()
    metric: Metric = MACRO_F1

    @property
    def level(self) -> float:
        """The confidence of every statement, those on all pairs together."""
        return LEVEL

    @property
    def judged(self) -> tuple[Judged, ...]:
        """The numbers of the winners, in the order of ``examinees``."""
        return self.judgement.architectures

    @property
    def pairs(self) -> tuple[JudgedPair, ...]:
        """All pairs, in the same order."""
        return self.judgement.pairs

    @property
    def best(self) -> tuple[Examinee, ...]:
        """The members of the set of the best, the highest score first."""
        return tuple(e for e, j in zip(self.examinees, self.judged, strict=True) if j.in_best)

    @property
    def cheapest(self) -> Examinee:
        """The cheapest member of the set of the best."""
        return min(self.best, key=lambda examinee: examinee.cost)


def images_of(images: int, groups: int | None) -> str:
    """Return the number of an exam's images, and of their groups if they have any."""
    said = counted(images, "exam image")
    return said if groups is None else f"{said} of {counted(groups, 'group')}"


def check(asked: ExamSettings) -> None:
    """Check the settings.

    Raises:
        UsageError: if a setting is outside its range; the message says which.
    """
    if asked.refits < FEWEST_REFITS:
        raise UsageError(
            f"--refits {asked.refits}: at least {FEWEST_REFITS} are needed to see how far refits differ"
        )
    if asked.refits > REFITS.most:
        raise UsageError(f"--refits {asked.refits}: at most {REFITS.said}")


def compare(record: SweepRecord, exam: Exam, asked: ExamSettings) -> ExamComparison:
    """Judge the winners by their refits' predictions for the exam's images.

    Args:
        record: a finished sweep, with the refits of its winners.
        exam: its exam.
        asked: the settings of the comparison.

    Raises:
        UsageError: if refits are missing, no winner can be judged, or the exam is too small for any answer.
    """
    check(asked)
    winners = winners_of(record, asked.architectures)
    fits = {winner.architecture: _refits_of(record, winner, asked.refits) for winner in winners}
    complete = {
        name: [fit for fit in each if fit.run.result.state == "complete"] for name, each in fits.items()
    }
    left_out = _left_out(record, asked, winners, fits)
    judgement = _judged(record, exam, asked, {n: each for n, each in complete.items() if n not in left_out})
    by_name = {winner.architecture: winner for winner in winners}
    models = [key_of(winner, record.seed, fits[winner.architecture][0].spec.platform) for winner in winners]
    return ExamComparison(
        sweep=record.name,
        dataset=record.dataset.name,
        samples=record.dataset.samples,
        folds=record.fits_per_trial,
        stop_sets=any(fold.spec.stopping is not None for winner in winners for fold in winner.folds),
        exam=exam.record,
        asked=asked,
        fixed=exam.rope,
        examinees=tuple(
            _examinee(record, by_name[each.name], fits[each.name], len(exam.labels))
            for each in judgement.architectures
        ),
        judgement=judgement,
        opened_before=earlier_openings(exam.openings, models),
        warnings=tuple(limits.warnings(exam.labels, record.dataset.classes, exam.groups)),
        left_out=left_out,
        doubts=tuple(
            f"{by_name[each.name].name}: {doubt}"
            for each in judgement.architectures
            for doubt in doubts(complete[each.name], record.dataset.classes, called="refit")
        ),
        metric=record.metric,
    )


def _refits_of(record: SweepRecord, winner: TrialRecord, refits: int) -> tuple[FoldRecord, ...]:
    found = recorded_refits(record, winner)[:refits]
    if len(found) != refits:
        raise UsageError(
            f"{winner.architecture}: {len(found)} of {counted(refits, 'refit')} are recorded; "
            f"'refold compare {for_shell(record.name)}' trains what is missing"
        )
    return found


def _left_out(
    record: SweepRecord,
    asked: ExamSettings,
    winners: Sequence[TrialRecord],
    fits: Mapping[str, Sequence[FoldRecord]],
) -> dict[str, str]:
    """Return why architectures that are asked for cannot be judged."""
    chosen = record.architectures if asked.architectures is None else asked.architectures
    won = {winner.architecture: winner for winner in winners}
    found = {}
    for name in chosen:
        if name not in won:
            found[name] = "none of its trials is complete"
            continue
        failed = [fit for fit in fits[name] if fit.run.result.state != "complete"]
        if len(fits[name]) - len(failed) < FEWEST_REFITS:
            first = fit_name(failed[0].spec, won[name].number)
            found[name] = (
                f"{len(failed)} of its {counted(len(fits[name]), 'refit')} failed, and {FEWEST_REFITS} are "
                f"needed ({first}: {failed[0].run.result.reason})"
            )
    return found


def _judged(
    record: SweepRecord, exam: Exam, asked: ExamSettings, complete: Mapping[str, Sequence[FoldRecord]]
) -> Judgement:
    if not complete:
        raise UsageError(
            f"no winner of {record.name!r} has {FEWEST_REFITS} refits that did not fail: more refits "
            "(--refits) or other hyperparameters are needed"
        )
    predicted = {name: np.stack([fit.for_metric() for fit in fits]) for name, fits in complete.items()}
    if any(each.shape[1] != len(exam.labels) for each in predicted.values()):
        raise UsageError(
            f"the record has predictions for another number of images than the exam's {len(exam.labels)}: "
            "restore the ledger from a copy"
        )
    try:
        return judge(
            exam.labels.astype(np.int64),
            predicted,
            classes=len(record.dataset.classes),
            rope=asked.rope,
            seed=derive(record.seed, "exam"),
            groups=None if exam.groups is None else exam.groups.astype(np.int64),
            metric=record.metric,
        )
    except ValueError as error:
        raise UsageError(f"the exam of {record.name!r} cannot judge: {error}") from None


def _examinee(record: SweepRecord, winner: TrialRecord, fits: Sequence[FoldRecord], images: int) -> Examinee:
    complete = [fit.run for fit in fits if fit.run.result.state == "complete"]
    seconds = [run.timing.exam_seconds for run in complete if run.timing.exam_seconds is not None]
    weights = {run.result.parameters for run in complete}
    same = [each for each in record.trials if each.architecture == winner.architecture]
    assert winner.score is not None  # noqa: S101 - a winner is complete
    return Examinee(
        architecture=winner.architecture,
        trial=winner.number,
        trials=sum(each.state == "complete" for each in same),
        search=winner.score,
        scores=tuple(float(run.result.score or 0.0) for run in complete),
        failed=tuple(
            f"{fit_name(fit.spec, winner.number)}: {fit.run.result.reason}"
            for fit in fits
            if fit.run.result.state != "complete"
        ),
        weights=weights.pop() if len(weights) == 1 else None,
        ms_an_image=1000 * median(seconds) / images if seconds else None,
        seconds=fmean(run.timing.seconds for run in complete),
        epochs=fits[0].spec.epochs,
        shares_weights=begin_alike(fits),
    )
