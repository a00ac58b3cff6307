"""The share of a score's variance that comes from each source: the design of fits, and its result.

Each row of the design has two sets of seeds. One fit uses the first set, and one fit the second set: between
them all sources vary. For each source one fit uses the first set with that source's seeds from the second
set: only that source varies. Each row begins with other seeds.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sweeps.analysis.best_trial import pick
from sweeps.analysis.extra_fits import ExtraFits
from sweeps.analysis.statistics.shares import Share, Shares, sobol_shares, told_apart
from sweeps.analysis.statistics.variance_ratio import RowComponent, row_component
from sweeps.definition.plan import Plan, PlannedArchitecture
from tracking.records import FoldRecord, Purpose, SweepRecord, TrialRecord
from tracking.reports.text_table import Column, Table
from trainer.errors import UsageError
from trainer.fits.names import trial_name
from trainer.fits.seeds import Seeds, derive
from trainer.fits.specs import FitSpec
from trainer.limits import ROWS
from trainer.metrics.metric import MACRO_F1, Metric
from trainer.quantities import counted
from trainer.recipe.augmentation import is_augmented

#: Each source of a trial without augmentation, and the seeds that belong to it.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "split": ("split", "stop"),
    "initialisation": ("initialisation",),
    "order": ("order",),
    "dropout": ("dropout",),
}

#: The source that only an augmented trial has. It comes last.
AUGMENTATION: Mapping[str, tuple[str, ...]] = {"augmentation": ("augmentation",)}

#: What is said of the sources if the folds came with the data.
GIVEN_FOLDS = (
    "The folds came with the data, so the split is no source: every fit holds out the same fold, and only "
    "the stop set is drawn anew."
)

#: Smallest number of rows with a usable result.
FEWEST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class HyperparametersPart:
    """What the hyperparameters of the search's trials of one architecture contribute.

    Attributes:
        component: their share of the variance of one fold's score, and their standard deviation, with the
            folds' own effects taken out; None if the scores do not suffice.
        complete: number of complete trials.
        pruned_later: number of trials that were pruned after some folds; the folds that they have count.
        pruned_unscored: number of trials that were pruned within their first fold; they have no score.
        failed: number of failed trials, which are left out.
    """

    component: RowComponent | None
    complete: int
    pruned_later: int
    pruned_unscored: int
    failed: int

    @property
    def trials(self) -> int:
        """Number of trials whose scores are used."""
        return self.complete + self.pruned_later

    @property
    def biased(self) -> bool:
        """Whether there is an estimate that is too small, as a rule, because bad trials have no score."""
        return self.component is not None and self.pruned_unscored > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Variances:
    """The sources of the variance of a trial's score.

    Attributes:
        sweep: the sweep's name.
        architecture: the trial's architecture.
        trial: the trial's number.
        rows: number of rows of the design whose fits are all complete.
        failed_rows: number of rows of the design with a failed fit, which are left out.
        shares: the shares of the seeds.
        hyperparameters: the part of the hyperparameters.
        given_folds: whether the folds came with the data, so that the split is no source.
        metric: the sweep's metric, whose values all scores are.
    """

    sweep: str
    architecture: str
    trial: int
    rows: int
    failed_rows: int
    shares: Shares
    hyperparameters: HyperparametersPart
    given_folds: bool = False
    metric: Metric = MACRO_F1

    @property
    def row(self) -> int:
        """Number of fits in a row of the design."""
        return 2 + len(self.shares.sources)


def sources_of(trial: TrialRecord) -> Mapping[str, tuple[str, ...]]:
    """Return what varies in the design of a trial, and the seeds that belong to each."""
    return {**SOURCES, **(AUGMENTATION if is_augmented(trial.hyperparameters) else {})}


def row_of(trial: TrialRecord) -> int:
    """Return the number of fits in a row: all seeds of the first set, all of the second, one each source."""
    return 2 + len(sources_of(trial))


def names_of(trial: TrialRecord, record: SweepRecord) -> list[str]:
    """Return the names of a trial's sources.

    If the folds came with the data they never vary: of the split only the stop set is left.
    """
    names = list(sources_of(trial))
    return names if record.dataset.folds is None else ["stop set", *names[1:]]


def chosen(record: SweepRecord, architecture: str | None) -> TrialRecord:
    """Return the trial whose variance is measured: an architecture's best, or the best of all.

    Raises:
        UsageError: if there is no such trial.
    """
    return pick(record, architecture)


def further_fits(plan: Plan, architecture: PlannedArchitecture, trial: TrialRecord, rows: int) -> ExtraFits:
    """Return the design's fits: ``rows`` times ``row_of(trial)``, each on one held-out fold.

    Raises:
        UsageError: if there are fewer than ``FEWEST`` rows.
    """
    if rows < FEWEST:
        raise UsageError(f"--rows {rows}: at least {FEWEST} rows are needed; shares of 0.1 take 16 and more")
    if rows > ROWS.most:
        raise UsageError(f"--rows {rows}: at most {ROWS.said}")
    specs: dict[int, FitSpec] = {}
    sources = sources_of(trial)
    for row in range(rows):
        spec = plan.fit_specs(architecture, Purpose.VARIANCE, trial.hyperparameters, repeat=row + 1)[0]
        first, second = (_seeds(plan.seed, sources, row, side) for side in ("first", "second"))
        mixed = [
            replace(first, **{name: getattr(second, name) for name in names}) for names in sources.values()
        ]
        for seeds in [first, second, *mixed]:
            specs[len(specs)] = replace(spec, seeds=seeds)
    return ExtraFits(trial=trial, specs=specs)


def _seeds(seed: int, sources: Mapping[str, tuple[str, ...]], row: int, side: str) -> Seeds:
    names = [name for source in sources.values() for name in source]
    return Seeds(**{name: derive(seed, Purpose.VARIANCE, row, side, name) for name in names})


def variances(
    record: SweepRecord, trial: TrialRecord, fits: Mapping[int, FoldRecord], rows: int
) -> Variances:
    """Compute each source's share of the variance from the design's fits.

    Args:
        record: the finished sweep.
        trial: the trial that the fits belong to.
        fits: all fits of the design, by position.
        rows: number of rows of the design.

    Raises:
        UsageError: if fits are missing, too many failed, or all scores are equal.
    """
    width = row_of(trial)
    lacking = [place for place in range(rows * width) if place not in fits]
    if lacking:
        raise UsageError(f"{len(lacking)} of {rows * width} fits of the design are missing: run it again")
    scores = [[fits[row * width + column].run.result.score for column in range(width)] for row in range(rows)]
    table = [[score for score in row if score is not None] for row in scores]
    whole = [row for row in table if len(row) == width]
    if len(whole) < FEWEST:
        raise UsageError(
            f"{rows - len(whole)} of {rows} rows have a fit that failed: too few are left to share out a "
            "variance"
        )
    base, other, *changed = (list(column) for column in zip(*whole, strict=True))
    seed = derive(record.seed, Purpose.VARIANCE, "bootstrap")
    try:
        shares = sobol_shares(
            base, other, dict(zip(names_of(trial, record), changed, strict=True)), seed=seed
        )
    except ValueError:
        raise UsageError(
            f"all {len(whole) * width} scores of {trial.architecture} are {base[0]:.4f}: there is no "
            "variance to share out; more images, or harder ones, would show some"
        ) from None
    return Variances(
        metric=record.metric,
        sweep=record.name,
        architecture=trial.architecture,
        trial=trial.number,
        rows=len(whole),
        failed_rows=rows - len(whole),
        shares=shares,
        hyperparameters=part_of_hyperparameters(
            [each for each in record.trials if each.architecture == trial.architecture]
        ),
        given_folds=record.dataset.folds is not None,
    )


def part_of_hyperparameters(trials: Sequence[TrialRecord]) -> HyperparametersPart:
    """Estimate what hyperparameters contribute, from the scored folds of complete and pruned trials."""
    scored = [each for each in trials if each.state in ("complete", "pruned") and each.fold_scores]
    states = Counter(each.state for each in trials)
    complete = states["complete"]
    try:
        component = row_component([each.fold_scores for each in scored])
    except ValueError:
        component = None
    return HyperparametersPart(
        component=component,
        complete=complete,
        pruned_later=len(scored) - complete,
        pruned_unscored=complete + states["pruned"] - len(scored),
        failed=states["failed"],
    )


def to_json(found: Variances) -> dict[str, Any]:
    """Return the result as JSON data; docs/statistics.md describes it."""
    return {
        "sweep": found.sweep,
        "architecture": found.architecture,
        "trial": found.trial,
        "rows": found.rows,
        "failed_rows": found.failed_rows,
        "fits": found.rows * found.row,
        **({"given_folds": True} if found.given_folds else {}),
        **({} if found.metric == MACRO_F1 else {"metric": found.metric.name}),
        "deviation": found.shares.deviation,
        "sources": {name: asdict(share) for name, share in found.shares.sources.items()},
        "larger_than": [list(pair) for pair in _ranking(found)],
        "hyperparameters": _hyperparameters_json(found.hyperparameters),
    }


def _hyperparameters_json(part: HyperparametersPart) -> dict[str, Any]:
    nothing = dict.fromkeys(("share", "deviation", "noise"))
    return {
        **(nothing if part.component is None else asdict(part.component)),
        "trials": part.trials,
        "complete": part.complete,
        "pruned_later": part.pruned_later,
        "pruned_unscored": part.pruned_unscored,
        "failed": part.failed,
        "bias": "too small" if part.biased else None,
    }


def _ranking(found: Variances) -> list[tuple[str, str]]:
    return told_apart({name: share.total for name, share in found.shares.sources.items()})


def lines(found: Variances) -> list[str]:
    """Return the result as lines to print."""
    shares = found.shares
    columns = [Column(title=title) for title in ("source", "share", "95 % interval", "points")]
    table = Table(columns=columns, rows=[_row(name, share) for name, share in shares.sources.items()])
    failed = f"; {counted(found.failed_rows, 'row')} with a failed fit left out" if found.failed_rows else ""
    return [
        f"{trial_name(found.architecture, found.trial)} of {found.sweep}: {found.metric.title} of one "
        f"held-out fold, {counted(found.rows, 'row')} of {found.row} fits{failed}",
        f"spread with all seeds varied: {100 * shares.deviation:.2f} points (standard deviation)",
        "",
        *table.lines(),
        "",
        "share: the part of the variance that remains when all other sources are fixed; interactions are in "
        "it, so shares may add up to more than 1. points: the spread that then remains.",
        *([GIVEN_FOLDS] if found.given_folds else []),
        *_order(found),
        "",
        *_of_hyperparameters(found.hyperparameters),
    ]


def _row(name: str, share: Share) -> list[str]:
    total = share.total
    if total.low == total.high == 0:
        return [name, "0", "exactly: not used", "0.00"]
    return [
        name,
        f"{total.value:.2f}",
        f"{total.low:.2f} to {total.high:.2f}",
        f"{100 * share.deviation:.2f}",
    ]


def _order(found: Variances) -> list[str]:
    pairs = _ranking(found)
    said = [f"{larger} contributes more than {smaller}." for larger, smaller in pairs]
    sources = len(found.shares.sources)
    count = sources * (sources - 1) // 2
    if len(pairs) < count:
        others = "the other sources" if pairs else "the sources"
        said.append(f"Nothing is said about the order of {others}: their intervals overlap.")
    return said


def _of_hyperparameters(part: HyperparametersPart) -> list[str]:
    return [*_component_lines(part), *_trials_left_out(part)]


def _component_lines(part: HyperparametersPart) -> list[str]:
    if part.component is None:
        lacking = (
            "at least 3 are needed to say what they contribute"
            if part.trials < 3
            else "to say what they contribute, two of them need two folds or more, and some noise"
        )
        return [f"hyperparameters: {counted(part.trials, 'trial')} with a score; {lacking}"]
    share, spread = part.component.share, part.component.deviation
    later = f", {part.pruned_later} of them pruned after some folds" if part.pruned_later else ""
    found = [
        f"hyperparameters ({counted(part.trials, 'trial')} of the search{later}): share of the variance of "
        f"one fold's score {share.value:.2f}, 95 % interval {share.low:.2f} to {share.high:.2f};",
        f"spread between trials {100 * spread.value:.2f} points, 95 % interval {100 * spread.low:.2f} to "
        f"{100 * spread.high:.2f}. The rest is noise; how hard each fold is counts in neither.",
    ]
    if share.high == 0:
        found.append(
            "The trials' scores are closer together than the noise explains: do not rely on this part."
        )
    return found


def _trials_left_out(part: HyperparametersPart) -> list[str]:
    found = []
    if part.pruned_unscored:
        were, have = ("was", "has") if part.pruned_unscored == 1 else ("were", "have")
        bends = ": without bad trials share and spread come out too small, as a rule" if part.biased else ""
        found.append(
            f"{counted(part.pruned_unscored, 'trial')} {were} pruned within the first fold, for a poor "
            f"start, and {have} no score{bends}."
        )
    if part.failed:
        found.append(f"{counted(part.failed, 'failed trial')} left out.")
    if part.component is not None:
        found += [
            "A search that draws trials near its best ones shows a smaller spread than random trials would.",
            "A long tail of bad trials makes these intervals too narrow: they assume normal effects.",
        ]
    return found
