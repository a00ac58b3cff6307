"""Compares architectures: which is better, and how sure that is. Pure functions of record and labels.

Each architecture's winner is judged by fresh repeats only, not by the scores that made it the winner.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from sweeps.analysis.claims import Claim
from sweeps.analysis.extra_fits import ExtraFits
from sweeps.analysis.statistics import bbc
from sweeps.analysis.statistics.correlated_bayes import Probabilities, probabilities
from sweeps.analysis.statistics.holm import holm
from sweeps.analysis.statistics.paired_t import Estimate, estimate, overlap_of
from sweeps.analysis.statistics.verdicts import Seen, Settling, Verdict, settling, verdict_of
from sweeps.analysis.statistics.wins import Wins, wins
from sweeps.definition.plan import Plan
from tracking.records import FoldRecord, Purpose, SweepRecord, TrialRecord
from trainer.errors import UsageError
from trainer.escaping import for_shell
from trainer.fits.metrics import Metric
from trainer.fits.names import fit_name, trial_name
from trainer.fits.seeds import derive
from trainer.fits.split import Divisible, Split
from trainer.limits import REPEATS


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
        search: the macro-F1 with which it won the search, corrected for the choice.
        scores: macro-F1 of each fit of the fresh repeats, repeat by repeat in fold order.
        confirmed: mean of the scores with a 95 % interval, cut off at 0 and 1.
        pooled: mean over repeats of the macro-F1 of a repeat's predictions taken together, as in the search.
    """

    architecture: str
    trial: int
    trials: int
    search: bbc.Corrected
    scores: tuple[float, ...]
    confirmed: Estimate
    pooled: float

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
        settling: what would settle the pair; None if it is decided or has no spread.
    """

    one: str
    other: str
    differences: tuple[float, ...]
    difference: Estimate
    adjusted_p: float | None
    chances: Probabilities
    wins: Wins
    verdict: Verdict
    settling: Settling | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        sweep: the sweep's name.
        dataset: the dataset's name.
        samples: number of images in the dataset.
        folds: number of folds of each repeat.
        asked: the settings of the comparison.
        contenders: the winners, highest confirmed score first.
        pairs: all pairs of contenders, in the same order.
        left_out: the reason for each architecture that could not be compared.
    """

    sweep: str
    dataset: str
    samples: int
    folds: int
    asked: ComparisonSettings
    contenders: tuple[Contender, ...]
    pairs: tuple[Pair, ...]
    left_out: Mapping[str, str]


def check(asked: ComparisonSettings) -> None:
    """Check the settings.

    Raises:
        UsageError: if a setting is outside its range; the message says which.
    """
    if asked.repeats < 2:
        raise UsageError("--repeats: one repeat shows no spread between repeats; at least 2 are needed")
    if asked.repeats > REPEATS.most:
        raise UsageError(f"--repeats {asked.repeats}: at most {REPEATS.said}")
    if not 0 <= asked.rope < 0.5:
        raise UsageError(
            f"--rope {asked.rope:g}: a difference that does not matter is 0 to 0.5; 0.005 is half a point"
        )


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
    """Return each confirmed winner's macro-F1 by architecture, repeat by repeat in fold order.

    Raises:
        UsageError: if not all repeats are recorded.
    """
    fits, _ = _confirmed_fits(record, repeats)
    return {name: tuple(float(fit.run.result.f1 or 0.0) for fit in mine) for name, mine in fits.items()}


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
    contenders = [
        _contender(record, data, trial, fits[name], asked) for name, trial in _winners(record, fits)
    ]
    contenders.sort(key=lambda contender: -record.metric.oriented(contender.confirmed.mean))
    return Comparison(
        sweep=record.name,
        dataset=record.dataset.name,
        samples=record.dataset.samples,
        folds=record.fits_per_trial,
        asked=asked,
        contenders=tuple(contenders),
        pairs=tuple(_pairs(contenders, record.fits_per_trial, asked)),
        left_out=left_out,
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
    asked: ComparisonSettings,
) -> Contender:
    folds = record.fits_per_trial
    scores = tuple(float(fit.run.result.f1 or 0.0) for fit in fits)
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
        ),
        scores=scores,
        confirmed=_within_bounds(_estimate(scores, folds, asked.claim), record.metric),
        pooled=math.fsum(
            record.metric.pooled(fit.run.result.confusion for fit in repeat) for repeat in by_repeat
        )
        / len(by_repeat),
    )


def out_of_fold(trials: Sequence[TrialRecord], data: Divisible) -> npt.NDArray[np.int64]:
    """Return the out-of-fold predictions of complete trials, ``[n, trials]``, in the dataset's order.

    Raises:
        UsageError: if the recorded predictions do not fit the dataset.
    """
    split = Split.of_fit(trials[0].folds[0].spec, data)
    table = np.empty((len(data.labels), len(trials)), dtype=np.int64)
    for column, trial in enumerate(trials):
        for fold in trial.folds:
            rows, predicted = split.held_out(fold.spec.fold or 0), fold.run.result.predicted_classes()
            if len(rows) != len(predicted):
                raise UsageError(
                    f"the record of {fit_name(fold.spec, trial.number)} has "
                    f"{len(predicted)} predictions for {len(rows)} held-out images: restore the ledger "
                    "from a copy"
                )
            table[rows, column] = predicted
    return table


def _units(scores: Sequence[float], folds: int, claim: Claim) -> list[float]:
    """Return the values for the t-tests: scores of fits, or of repeats for a claim about these images.

    On fixed images repeats are independent of each other; the folds of one repeat are not.
    """
    if claim == "new-data":
        return list(scores)
    return [math.fsum(scores[start : start + folds]) / folds for start in range(0, len(scores), folds)]


def _overlap(folds: int, claim: Claim) -> float:
    return overlap_of(folds) if claim == "new-data" else 0.0


def _estimate(scores: Sequence[float], folds: int, claim: Claim) -> Estimate:
    return estimate(_units(scores, folds, claim), overlap=_overlap(folds, claim))


def _within_bounds(found: Estimate, metric: Metric) -> Estimate:
    """Cut an interval off at the metric's bounds."""
    return replace(found, low=max(metric.low, found.low), high=min(metric.high, found.high))


def _pairs(contenders: Sequence[Contender], folds: int, asked: ComparisonSettings) -> list[Pair]:
    both = list(combinations(contenders, 2))
    differences = [tuple(a - b for a, b in zip(one.scores, other.scores, strict=True)) for one, other in both]
    found = [_estimate(values, folds, asked.claim) for values in differences]
    adjusted = holm([1.0 if each.p is None else each.p for each in found])
    return [
        _pair(one, other, values, each, None if each.p is None else p, folds, asked, len(both))
        for (one, other), values, each, p in zip(both, differences, found, adjusted, strict=True)
    ]


def _pair(  # noqa: PLR0913, PLR0917 - all of it is one row of the answer
    one: Contender,
    other: Contender,
    differences: tuple[float, ...],
    found: Estimate,
    adjusted_p: float | None,
    folds: int,
    asked: ComparisonSettings,
    comparisons: int,
) -> Pair:
    units, overlap = _units(differences, folds, asked.claim), _overlap(folds, asked.claim)
    chances = probabilities(units, overlap=overlap, rope=asked.rope)
    verdict = verdict_of(adjusted_p, chances)
    seen = Seen(
        mean=found.mean,
        deviation=found.deviation,
        runs_per_repeat=folds if asked.claim == "new-data" else 1,
        folds=folds if asked.claim == "new-data" else None,
        rope=asked.rope,
        comparisons=comparisons,
    )
    return Pair(
        one=one.architecture,
        other=other.architecture,
        differences=differences,
        difference=found,
        adjusted_p=adjusted_p,
        chances=chances,
        wins=wins(differences),
        verdict=verdict,
        settling=settling(seen) if verdict == "undecided" and found.deviation else None,
    )
