"""Compares winners on the images of the search. Pure functions of record and labels.

Each architecture's winner is judged by fresh repeats of the cross-validation, not by the scores that made it
the winner. Seeds and splits are new there; the images are those on which it was chosen, so luck with them
stays.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from sweeps.analysis.choices import Claim
from sweeps.analysis.extra_fits import ExtraFits
from sweeps.analysis.statistics import bbc
from sweeps.analysis.statistics.correlated_bayes import Probabilities, probabilities
from sweeps.analysis.statistics.holm import holm
from sweeps.analysis.statistics.leave_one_out import Predictions
from sweeps.analysis.statistics.paired_t import Estimate, estimate, overlap_of
from sweeps.analysis.statistics.verdicts import Verdict, verdict_of
from sweeps.analysis.statistics.wins import Wins, wins
from sweeps.definition.plan import Plan
from sweeps.definition.region import check_rope
from tracking.records import FoldRecord, Purpose, SweepRecord, TrialRecord, begin_alike
from tracking.reports.doubts import doubts
from trainer.errors import UsageError
from trainer.escaping import for_shell
from trainer.fits.names import fit_name, trial_name
from trainer.fits.seeds import derive
from trainer.fits.split import Divisible, Split
from trainer.limits import REPEATS
from trainer.metrics.metric import MACRO_F1, Metric

#: Bootstrap samples in the correction of a metric of probabilities, each of which ranks all images again.
OF_PROBABILITIES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonSettings:
    """The settings of a comparison.

    Attributes:
        repeats: number of fresh cross-validations of each winner, at least 2.
        rope: half the width of the region of practical equivalence, in [0, 0.5).
        claim: the claim that the answer makes.
    """

    repeats: int = 5
    rope: float = 0.005
    claim: Claim = "new-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One architecture's winner.

    Attributes:
        architecture: the architecture's name.
        trial: the winner's number.
        trials: number of complete trials that it was chosen from.
        search: the score with which it won the search, corrected for the choice.
        scores: score of each fit of the fresh repeats, repeat by repeat in fold order.
        confirmed: mean of the scores with a 95 % interval, cut off at 0 and 1.
        pooled: mean over repeats of the score of a repeat as a whole, as in the search.
        shares_weights: whether all these fits began with the same weights: then less than usual varies.
    """

    architecture: str
    trial: int
    trials: int
    search: bbc.Corrected
    scores: tuple[float, ...]
    confirmed: Estimate
    pooled: float
    shares_weights: bool

    @property
    def name(self) -> str:
        """The winner's name, like ``resnet/3``."""
        return trial_name(self.architecture, self.trial)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two compared architectures. ``one`` has the higher mean score; differences are ``one`` minus ``other``.

    Attributes:
        one: the first architecture's name.
        other: the second architecture's name.
        differences: the paired differences, repeat by repeat in fold order.
        difference: mean of the differences with a 95 % interval, which is not adjusted for the number of
            pairs.
        adjusted_p: Holm-adjusted p-value over all pairs; None if the differences have no spread.
        chances: the probabilities that ``one`` is truly worse, equivalent, better.
        wins: the paired fits that ``one`` won.
        verdict: the verdict on ``one``.
    """

    one: str
    other: str
    differences: tuple[float, ...]
    difference: Estimate
    adjusted_p: float | None
    chances: Probabilities
    wins: Wins
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        sweep: the sweep's name.
        dataset: the dataset's name.
        samples: number of images in the dataset.
        groups: number of groups of the images; None if every image is by itself.
        folds: number of folds of each repeat.
        given_folds: whether the folds came with the data, so that all repeats have the same ones.
        asked: the settings of the comparison.
        contenders: the winners, highest confirmed score first.
        pairs: all pairs of contenders, in the same order.
        left_out: the reason for each architecture that could not be compared.
        doubts: what is hardly right in the fresh fits' predictions. Not in recorded reports: it is said of
            those that were recorded before, too.
        metric: the sweep's metric, whose values all scores are.
    """

    sweep: str
    dataset: str
    samples: int
    groups: int | None
    folds: int
    given_folds: bool
    asked: ComparisonSettings
    contenders: tuple[Contender, ...]
    pairs: tuple[Pair, ...]
    left_out: Mapping[str, str]
    doubts: tuple[str, ...] = ()
    metric: Metric = MACRO_F1


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What counts as one observation in the t-tests, and how far observations depend on each other.

    Attributes:
        folds: number of folds of each repeat.
        claim: the claim that the answer makes.
        given: whether the folds came with the data.
    """

    folds: int
    claim: Claim
    given: bool

    @classmethod
    def of(cls, record: SweepRecord, claim: Claim) -> "Design":
        """Return a sweep's design."""
        return cls(folds=record.fits_per_trial, claim=claim, given=record.dataset.folds is not None)

    @property
    def keeps_folds(self) -> bool:
        """Whether repeats add no observations, because the claim is about new data and all have one split."""
        return self.given and self.claim == "new-data"

    @property
    def overlap(self) -> float:
        """The strength of the correction; see ``overlap_of``."""
        return overlap_of(self.folds) if self.claim == "new-data" else 0.0

    def units(self, scores: Sequence[float]) -> list[float]:
        """Return the observations: scores of fits, or means of some of them.

        On fixed images repeats are independent of each other; the folds of one repeat are not. Repeats of
        given folds hold out the same images again and again, so a fold's mean over all repeats is one.
        """
        if self.keeps_folds:
            repeats = len(scores) // self.folds
            return [math.fsum(scores[fold :: self.folds]) / repeats for fold in range(self.folds)]
        if self.claim == "new-data":
            return list(scores)
        starts = range(0, len(scores), self.folds)
        return [math.fsum(scores[start : start + self.folds]) / self.folds for start in starts]

    def estimate(self, scores: Sequence[float]) -> Estimate:
        """Return the mean of scores, or of paired differences, with its interval."""
        return estimate(self.units(scores), overlap=self.overlap)


def check(asked: ComparisonSettings) -> None:
    """Check the settings.

    Raises:
        UsageError: if a setting is outside its range; the message says which.
    """
    if asked.repeats < 2:
        raise UsageError("--repeats: one repeat shows no spread between repeats; at least 2 are needed")
    if asked.repeats > REPEATS.most:
        raise UsageError(f"--repeats {asked.repeats}: at most {REPEATS.said}")
    check_rope(asked.rope)


def further_fits(record: SweepRecord, plan: Plan, repeats: int) -> list[ExtraFits]:
    """Return the fits of each winner on repeats 1 to ``repeats``.

    Their seeds depend on repeat and fold alone. So all architectures have the same splits, stop sets and
    orders, and differences are paired.
    """
    planned = {architecture.name: architecture for architecture in plan.architectures}
    wanted = []
    for winner in record.winners:
        architecture = planned[winner.architecture]
        specs = [
            spec
            for repeat in range(1, repeats + 1)
            for spec in plan.fit_specs(
                architecture, Purpose.COMPARISON, winner.hyperparameters, repeat=repeat
            )
        ]
        wanted.append(ExtraFits(trial=winner, specs=dict(enumerate(specs))))
    return wanted


def recorded_repeats(record: SweepRecord) -> int:
    """Return the number of complete repeats that the ledger has of every winner."""
    folds = record.fits_per_trial
    confirmed = {(trial.architecture, trial.number): trial for trial in record.confirmed}
    counts = []
    for winner in record.winners:
        trial = confirmed.get((winner.architecture, winner.number))
        held = {(fold.spec.repeat, fold.spec.fold) for fold in trial.folds} if trial else set()
        count = 0
        while all((count + 1, fold) in held for fold in range(folds)):
            count += 1
        counts.append(count)
    return min(counts, default=0)


def confirmed_scores(record: SweepRecord, repeats: int) -> dict[str, tuple[float, ...]]:
    """Return each confirmed winner's scores by architecture, repeat by repeat in fold order.

    Raises:
        UsageError: if not all repeats are recorded.
    """
    fits, _ = _confirmed_fits(record, repeats)
    return {name: tuple(float(fit.run.result.score or 0.0) for fit in mine) for name, mine in fits.items()}


def compare(record: SweepRecord, data: Divisible, asked: ComparisonSettings) -> Comparison:
    """Compare the winners by their fresh repeats.

    Args:
        record: a finished sweep, with the fits of its winners' fresh repeats.
        data: labels and groups of the images of the search.
        asked: the settings of the comparison.

    Raises:
        UsageError: if something is missing or the record contradicts itself.
    """
    check(asked)
    fits, left_out = _confirmed_fits(record, asked.repeats)
    design = Design.of(record, asked.claim)
    contenders = [
        _contender(record, data, trial, fits[name], design) for name, trial in _winners(record, fits)
    ]
    contenders.sort(key=lambda contender: -record.metric.oriented(contender.confirmed.mean))
    return Comparison(
        metric=record.metric,
        sweep=record.name,
        dataset=record.dataset.name,
        samples=record.dataset.samples,
        groups=record.dataset.groups,
        folds=record.fits_per_trial,
        given_folds=design.given,
        asked=asked,
        contenders=tuple(contenders),
        pairs=tuple(_pairs(contenders, design, asked)),
        left_out=left_out,
        doubts=tuple(
            f"{contender.name}: {doubt}"
            for contender in contenders
            for doubt in doubts(fits[contender.architecture], record.dataset.classes, called="fresh fit")
        ),
    )


def _winners(record: SweepRecord, fits: Mapping[str, Sequence[FoldRecord]]) -> list[tuple[str, TrialRecord]]:
    return [(winner.architecture, winner) for winner in record.winners if winner.architecture in fits]


def _confirmed_fits(record: SweepRecord, repeats: int) -> tuple[dict[str, list[FoldRecord]], dict[str, str]]:
    """Return each architecture's fits of the fresh repeats in order, and why others have none."""
    confirmed = {(trial.architecture, trial.number): trial for trial in record.confirmed}
    winners = {winner.architecture: winner for winner in record.winners}
    fits: dict[str, list[FoldRecord]] = {}
    left_out = {}
    for name in record.architectures:
        if name not in winners:
            left_out[name] = "none of its trials is complete"
            continue
        trial = confirmed.get((name, winners[name].number))
        mine = [fold for fold in trial.folds if fold.spec.repeat <= repeats] if trial else []
        failed = [fold for fold in mine if fold.run.result.state != "complete"]
        if failed:
            fit, reason = fit_name(failed[0].spec, winners[name].number), failed[0].run.result.reason
            left_out[name] = f"its winner failed ({fit}): {reason}"
        elif len(mine) != repeats * record.fits_per_trial:
            raise UsageError(
                f"{name}: {len(mine)} of {repeats * record.fits_per_trial} confirmation fits are recorded; "
                f"'refold compare {for_shell(record.name)}' trains what is missing"
            )
        else:
            fits[name] = mine
    return fits, left_out


def _contender(
    record: SweepRecord,
    data: Divisible,
    winner: TrialRecord,
    fits: Sequence[FoldRecord],
    design: Design,
) -> Contender:
    folds = design.folds
    scores = tuple(float(fit.run.result.score or 0.0) for fit in fits)
    complete = [
        trial
        for trial in record.trials
        if trial.architecture == winner.architecture and trial.state == "complete"
    ]
    by_repeat = [fits[start : start + folds] for start in range(0, len(fits), folds)]
    return Contender(
        architecture=winner.architecture,
        trial=winner.number,
        trials=len(complete),
        search=bbc.corrected(
            data.labels,
            out_of_fold(complete, data),
            classes=len(record.dataset.classes),
            seed=derive(record.seed, "bias correction"),
            groups=data.groups,
            metric=record.metric,
            folds=_folds(complete[0], data),
            samples=1000 if record.metric.counts else OF_PROBABILITIES,
        ),
        scores=scores,
        confirmed=_within_bounds(design.estimate(scores), record.metric),
        pooled=math.fsum(map(_as_a_whole, by_repeat)) / len(by_repeat),
        shares_weights=begin_alike(fits),
    )


def out_of_fold(trials: Sequence[TrialRecord], data: Divisible) -> Predictions:
    """Return what the metric needs of the out-of-fold predictions, in the dataset's order.

    Args:
        trials: complete trials.
        data: labels, groups and folds of the images.

    Returns:
        ``[n, trials]`` classes, or ``[n, trials, classes]`` probabilities.

    Raises:
        UsageError: if the recorded predictions do not fit the dataset.
    """
    split = Split.of_fit(trials[0].folds[0].spec, data)
    columns: list[Predictions] = []
    for trial in trials:
        held = [(split.held_out(fold.spec.fold or 0), fold) for fold in trial.folds]
        found = [_predictions(fold, len(rows), trial.number) for rows, fold in held]
        column = np.empty((len(data.labels), *found[0].shape[1:]), dtype=found[0].dtype)
        for (rows, _), predicted in zip(held, found, strict=True):
            column[rows] = predicted
        columns.append(column)
    return np.stack(columns, axis=1)


def _predictions(fold: FoldRecord, images: int, trial: int) -> Predictions:
    found = fold.for_metric()
    if len(found) != images:
        raise UsageError(
            f"the record of {fit_name(fold.spec, trial)} has {len(found)} predictions for {images} held-out "
            "images: restore the ledger from a copy"
        )
    return found


def _folds(trial: TrialRecord, data: Divisible) -> npt.NDArray[np.int64]:
    """Return the fold of each image, ``[n]``."""
    split, folds = Split.of_fit(trial.folds[0].spec, data), np.empty(len(data.labels), dtype=np.int64)
    for fold in trial.folds:
        folds[split.held_out(fold.spec.fold or 0)] = fold.spec.fold or 0
    return folds


def _as_a_whole(repeat: Sequence[FoldRecord]) -> float:
    """Return the score of a repeat, as a trial of the search is scored."""
    metric, results = repeat[0].spec.metric, [fit.run.result for fit in repeat]
    scores = (metric.worst if result.score is None else result.score for result in results)
    return metric.over_folds(scores, (result.confusion for result in results))


def _within_bounds(found: Estimate, metric: Metric) -> Estimate:
    """Cut an interval off at the metric's bounds."""
    return replace(found, low=max(metric.low, found.low), high=min(metric.high, found.high))


def _pairs(contenders: Sequence[Contender], design: Design, asked: ComparisonSettings) -> list[Pair]:
    both = list(combinations(contenders, 2))
    differences = [tuple(a - b for a, b in zip(one.scores, other.scores, strict=True)) for one, other in both]
    found = [design.estimate(values) for values in differences]
    adjusted = holm([1.0 if each.p is None else each.p for each in found])
    return [
        _pair(one, other, values, each, None if each.p is None else p, design, asked)
        for (one, other), values, each, p in zip(both, differences, found, adjusted, strict=True)
    ]


def _pair(
    one: Contender,
    other: Contender,
    differences: tuple[float, ...],
    found: Estimate,
    adjusted_p: float | None,
    design: Design,
    asked: ComparisonSettings,
) -> Pair:
    chances = probabilities(design.units(differences), overlap=design.overlap, rope=asked.rope)
    return Pair(
        one=one.architecture,
        other=other.architecture,
        differences=differences,
        difference=found,
        adjusted_p=adjusted_p,
        chances=chances,
        wins=wins(differences),
        verdict=verdict_of(adjusted_p, chances),
    )
