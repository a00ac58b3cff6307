"""Where variance comes from: the design varies what it says, and the answer finds what was put in."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeps.analysis.context import AnalysisContext
from sweeps.analysis.statistics.variance_ratio import row_component
from sweeps.analysis.variance_components import (
    SOURCES,
    Variances,
    chosen,
    further_fits,
    lines,
    to_json,
    variances,
)
from sweeps.analysis.variance_experiment import variance
from sweeps.definition.identity import plan_of
from sweeps.home import Home
from tests.closed_formula import InlineWorkers, run_of
from tests.labelled_trainer import LabelledWorkers, record, record_sweep, sweep, sweep_of_table
from tracking.ledger.ledger import Ledger
from tracking.records import FoldRecord, SweepRecord, TrialRecord, TrialState
from trainer.errors import UsageError
from trainer.fits.results import FitRun
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import Fixed
from trainer.process.jobs import Job

#: Number of fits in a row of a trial without augmentation.
ROW = 6

#: The weight of each source in the made-up scores.
WEIGHTS = {"split": 2.0, "initialisation": 1.0, "order": 0.5, "dropout": 0.0}


def score_of(spec: FitSpec) -> float:
    """Return a score that is a weighted sum of independent normal values, one for each source's seeds."""
    parts = (
        weight * np.random.default_rng(getattr(spec.seeds, SOURCES[name][0])).normal()
        for name, weight in WEIGHTS.items()
    )
    return float(0.8 + 0.01 * sum(parts))


class WeightedWorkers(InlineWorkers):
    """Gives every fit its weighted score."""

    def finished(self, timeout: float) -> list[tuple[Job, FitRun]]:
        """See ``Workers``."""
        return [
            (job, replace(run, result=replace(run.result, key=job.spec.key, f1=score_of(job.spec))))
            for job, run in super().finished(timeout)
        ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a finished sweep."""
    return record_sweep(
        tmp_path_factory.mktemp("recorded"), LabelledWorkers({"lenet": 0.9}), "lenet", trials=3
    )


def around(home: Path, workers: InlineWorkers) -> AnalysisContext:
    """What a study needs."""

    @contextmanager
    def start() -> Iterator[InlineWorkers]:
        yield workers

    return AnalysisContext(home=Home(home), workers=2, tracking_uri="http://127.0.0.1:9", start_workers=start)


def design(home: Path, rows: int) -> tuple[SweepRecord, dict[int, FitSpec]]:
    """Return the record and the design's fits."""
    with Ledger.read(home) as ledger:
        record, entry = ledger.sweep("made"), ledger.entry("made")
    assert entry is not None
    plan = plan_of(entry)
    return record, dict(further_fits(plan, plan.architectures[0], chosen(record, None), rows).specs)


def recorded(specs: dict[int, FitSpec], score: float | None = None) -> dict[int, FoldRecord]:
    """Return fits with made-up scores; all the same if one is given."""
    fits = {}
    for place, spec in specs.items():
        run = run_of(replace(spec, hyperparameters=(("learning_rate", 1e-3),)))
        f1 = score_of(spec) if score is None else score
        fits[place] = FoldRecord(spec=spec, run=replace(run, result=replace(run.result, f1=f1)))
    return fits


def test_each_fit_varies_one_source_or_all(home: Path) -> None:
    """Everything else about a fit stays as it is, and no seeds are used twice."""
    _, specs = design(home, 5)
    assert len(specs) == 5 * ROW
    for row in range(5):
        first, second, *mixed = (specs[row * ROW + column] for column in range(ROW))
        for spec in (second, *mixed):
            assert replace(spec, seeds=first.seeds) == first
        for (_, names), spec in zip(SOURCES.items(), mixed, strict=True):
            for name in first.seeds.__slots__:
                expected = second if name in names else first
                assert getattr(spec.seeds, name) == getattr(expected.seeds, name)
    assert len({spec.key for spec in specs.values()}) == 5 * ROW
    assert len({spec.seeds.split for spec in specs.values()}) == 10


def test_the_shares_that_were_put_in_come_out(home: Path) -> None:
    """4 : 1 : 0.25 : 0 in the squares; dropout is exactly nothing."""
    record, specs = design(home, 300)
    found = variances(record, record.winners[0], recorded(specs), 300)
    totals = {name: share.total.value for name, share in found.shares.sources.items()}
    assert totals == pytest.approx(
        {"split": 0.762, "initialisation": 0.19, "order": 0.048, "dropout": 0}, abs=0.12
    )
    text = "\n".join(lines(found))
    assert "exactly: not used" in text
    assert "split contributes more than initialisation." in text
    json.dumps(to_json(found), allow_nan=False)


def test_few_rows_rank_nothing(home: Path) -> None:
    """Where intervals overlap no order is given."""
    record, specs = design(home, 4)
    found = variances(record, record.winners[0], recorded(specs), 4)
    ranked = {tuple(pair) for pair in to_json(found)["larger_than"]}
    assert ("split", "initialisation") not in ranked
    assert "Nothing is said about the order" in "\n".join(lines(found))


def test_a_design_is_trained_once(home: Path) -> None:
    """More rows train only the new ones; the conclusion is kept with the sweep."""
    first, more, again = WeightedWorkers(2), WeightedWorkers(2), WeightedWorkers(2)
    variance(around(home, first), "made", rows=4)
    assert len(first.trained) == 4 * ROW
    found = variance(around(home, more), "made", rows=6)
    assert len(more.trained) == 2 * ROW
    assert variance(around(home, again), "made", architecture="lenet", rows=6) == found
    assert again.trained == []
    with Ledger.read(home) as ledger:
        record = ledger.sweep("made")
    assert json.loads(record.reports["variance-lenet"].content) == to_json(found)
    assert record.confirmed == ()


def test_rows_with_a_failed_fit_are_left_out(home: Path) -> None:
    """The others are used and the number is told; if too few are left there is no answer."""
    record, specs = design(home, 6)
    fits = recorded(specs)
    broken = replace(fits[8].run, result=replace(fits[8].run.result, state="failed", f1=None))
    found = variances(record, record.winners[0], {**fits, 8: replace(fits[8], run=broken)}, 6)
    assert (found.rows, found.failed_rows) == (5, 1)
    assert "1 row with a failed fit left out" in lines(found)[0]
    many = {place: replace(fit, run=broken) if place % ROW == 0 else fit for place, fit in fits.items()}
    with pytest.raises(UsageError, match="6 of 6 rows have a fit that failed"):
        variances(record, record.winners[0], many, 6)


def test_equal_scores_have_no_variance(home: Path) -> None:
    """A sentence, not a division by zero."""
    record, specs = design(home, 4)
    with pytest.raises(UsageError, match=r"all 24 scores of lenet are 1\.0000: there is no variance"):
        variances(record, record.winners[0], recorded(specs, 1.0), 4)


def test_missing_fits_and_rows(home: Path) -> None:
    """Named before anything is worked out."""
    record, specs = design(home, 4)
    fits = recorded(specs)
    del fits[3]
    with pytest.raises(UsageError, match="1 of 24 fits of the design are missing"):
        variances(record, record.winners[0], fits, 4)
    with pytest.raises(UsageError, match="at least 4 rows are needed"):
        design(home, 3)


def with_scores(trial: TrialRecord, scores: Sequence[float], state: TrialState = "complete") -> TrialRecord:
    """Return the trial with these scores of its first folds."""
    folds = tuple(
        replace(fold, run=replace(fold.run, result=replace(fold.run.result, f1=score)))
        for fold, score in zip(trial.folds, scores, strict=False)
    )
    return replace(trial, state=state, folds=folds)


def told(home: Path, *trials: tuple[TrialState, Sequence[float]]) -> tuple[Variances, str]:
    """Return the analysis and its text, if the search's trials had ended like this."""
    record, specs = design(home, 4)
    ended = tuple(
        replace(with_scores(record.trials[0], scores, state), number=number)
        for number, (state, scores) in enumerate(trials)
    )
    found = variances(replace(record, trials=ended), record.trials[0], recorded(specs), 4)
    json.dumps(to_json(found), allow_nan=False)
    return found, "\n".join(lines(found))


COMPLETE: list[tuple[TrialState, Sequence[float]]] = [
    ("complete", (0.91, 0.90, 0.93)),
    ("complete", (0.88, 0.89, 0.90)),
    ("complete", (0.93, 0.91, 0.93)),
]


def test_the_part_of_the_hyperparameters(home: Path) -> None:
    """Share and spread with their intervals, as the statistics have them."""
    found, text = told(home, *COMPLETE)
    expected = row_component([scores for _, scores in COMPLETE])
    assert found.hyperparameters.component == expected
    assert "hyperparameters (3 trials of the search): share of the variance of one fold's score" in text
    assert f"{expected.share.value:.2f}, 95 % interval {expected.share.low:.2f} to" in text
    assert "pruned" not in text
    assert to_json(found)["hyperparameters"]["bias"] is None


def test_folds_of_pruned_trials_count(home: Path) -> None:
    """A trial pruned after a fold is used; one pruned within its first fold is named, and what that does."""
    found, text = told(home, *COMPLETE, ("pruned", (0.70,)), ("pruned", ()), ("pruned", ()), ("failed", ()))
    expected = row_component([*(scores for _, scores in COMPLETE), [0.70]])
    part = found.hyperparameters
    assert part.component == expected
    assert (part.complete, part.pruned_later, part.pruned_unscored, part.failed) == (3, 1, 2, 1)
    assert part.trials == 4
    assert "4 trials of the search, 1 of them pruned after some folds" in text
    assert "2 trials were pruned within the first fold, for a poor start, and have no score" in text
    assert "come out too small" in text
    assert "1 failed trial left out." in text
    data = to_json(found)["hyperparameters"]
    assert (data["trials"], data["pruned_unscored"], data["bias"]) == (4, 2, "too small")


def test_hyperparameters_need_three_trials(home: Path) -> None:
    """With fewer scored ones their part is not guessed."""
    found, text = told(home, *COMPLETE[:2], ("pruned", ()))
    assert found.hyperparameters.component is None
    assert "2 trials with a score; at least 3 are needed" in text
    assert "1 trial was pruned within the first fold, for a poor start, and has no score." in text
    data = to_json(found)["hyperparameters"]
    assert (data["share"], data["bias"]) == (None, None)


def test_scores_without_noise(home: Path) -> None:
    """A sentence, not a division by zero."""
    found, text = told(home, *(("complete", (0.9, 0.9, 0.9)) for _ in range(3)))
    assert found.hyperparameters.component is None
    assert "3 trials with a score; to say what they contribute, two of them need two folds or more" in text


def test_trials_closer_together_than_noise_explains(home: Path) -> None:
    """The interval is 0 to 0, which nobody should rely on."""
    same = [(0.9, 0.8, 0.7), (0.8, 0.7, 0.9), (0.7, 0.9, 0.8)]
    found, text = told(home, *(("complete", scores) for scores in same))
    assert found.hyperparameters.component is not None
    assert found.hyperparameters.component.share.high == 0
    assert "closer together than the noise explains" in text


def test_an_architecture_that_is_not_there(home: Path) -> None:
    """The ones there are listed."""
    with pytest.raises(UsageError, match="no architecture 'vgg'; it has: lenet"):
        variance(around(home, WeightedWorkers(1)), "made", architecture="vgg")


def test_folds_that_came_with_the_data_are_no_source(tmp_path: Path) -> None:
    """Only the stop set is left of the split, and this is said."""
    made = record(sweep_of_table(tmp_path, "lenet"), LabelledWorkers({"lenet": 0.9}))
    found = variance(around(made, WeightedWorkers(2)), "made", rows=6)
    assert list(found.shares.sources) == ["stop set", "initialisation", "order", "dropout"]
    assert "The folds came with the data, so the split is no source" in "\n".join(lines(found))
    assert to_json(found)["given_folds"] is True


def test_augmentation_is_a_source_of_an_augmented_trial(tmp_path: Path) -> None:
    """It comes last, and has seeds of its own; a row has one fit more."""
    made = sweep(tmp_path, "lenet", trials=3)
    augmented = replace(made.architectures[0], ranges={"augment": Fixed("light")})
    home = record(replace(made, architectures=(augmented,)), LabelledWorkers({"lenet": 0.9}))
    _, specs = design(home, 5)
    assert len(specs) == 5 * 7
    for row in range(5):
        first, second, *mixed = (specs[row * 7 + column] for column in range(7))
        assert replace(mixed[-1], seeds=first.seeds) == first
        assert mixed[-1].seeds == replace(first.seeds, augmentation=second.seeds.augmentation)
        assert len({spec.seeds.augmentation for spec in mixed[:-1]}) == 1
    assert len({spec.seeds.augmentation for spec in specs.values()}) == 10
    workers = WeightedWorkers(2)
    found = variance(around(home, workers), "made", rows=5)
    assert len(workers.trained) == 5 * 7
    assert list(found.shares.sources) == ["split", "initialisation", "order", "dropout", "augmentation"]
    assert to_json(found)["fits"] == 35
    assert "5 rows of 7 fits" in lines(found)[0]
    assert found.shares.sources["augmentation"].total.value == 0  # the made-up scores do not depend on it
