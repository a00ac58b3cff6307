"""Which trial is the best: the exam's word comes before fresh repeats', and those' before the search's."""

from dataclasses import replace

import pytest

from sweeps.analysis.best_trial import Ranking, exam_score, pick, rank, reason
from tests.labelled_trainer import LabelledWorkers, record_sweep
from tracking.ledger.ledger import Ledger
from tracking.records import FoldRecord, SweepRecord, TrialRecord
from trainer.fits.results import FitResult


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> SweepRecord:
    """A finished sweep of three architectures, of which lenet is the best in the search."""
    chances = {"lenet": 0.97, "baseline": 0.8, "vgg": 0.6}
    home = record_sweep(tmp_path_factory.mktemp("recorded"), LabelledWorkers(chances), *chances)
    with Ledger.read(home) as ledger:
        return ledger.sweep("made")


def refits(winner: TrialRecord, *scores: float | None) -> tuple[FoldRecord, ...]:
    """Return refits with such scores on the exam; None for one that failed."""
    fold = winner.folds[0]
    results = [
        FitResult(key="k", state="failed", reason="made up")
        if score is None
        else replace(fold.run.result, f1=score)
        for score in scores
    ]
    return tuple(replace(fold, run=replace(fold.run, result=result)) for result in results)


def examined(record: SweepRecord, **scores: tuple[float | None, ...]) -> SweepRecord:
    """Return the sweep with such refits of its winners."""
    winners = {winner.architecture: winner for winner in record.winners}
    recorded = {(name, winners[name].number): refits(winners[name], *each) for name, each in scores.items()}
    return replace(record, examined=recorded)


def names(ranking: Ranking) -> tuple[str, ...]:
    """Return the winners' architectures, the best first."""
    return tuple(winner.architecture for winner in ranking.winners)


def test_the_exam_decides_if_all_winners_were_judged_on_it(record: SweepRecord) -> None:
    """By mean score, whatever the search said; reasons are given in words."""
    assert (rank(record).on, names(rank(record))) == ("search", ("lenet", "baseline", "vgg"))
    assert reason(record) == "chosen by its score in the search, the best of 3 winners"
    judged = examined(record, lenet=(0.7, 0.9, 0.8), baseline=(0.5, 0.6, 0.7), vgg=(0.81, 0.82, 0.83, 0.84))
    assert (rank(judged).on, names(rank(judged))) == ("exam", ("vgg", "lenet", "baseline"))
    assert pick(judged).architecture == "vgg"
    assert pick(judged, "baseline").architecture == "baseline"
    assert reason(judged).startswith("chosen by the mean score of its 4 refits on the exam, the best of 3")
    assert reason(judged, "baseline") == "the best trial of baseline in the search"
    assert reason(judged, trial="vgg/0") == "the trial that was asked for"


def test_equal_means_keep_the_order_of_the_search(record: SweepRecord) -> None:
    """So that the choice never hangs on the order of a mapping."""
    even = (0.75, 0.75, 0.75)
    judged = examined(record, vgg=even, baseline=(0.9, 0.9, 0.9), lenet=even)
    assert names(rank(judged)) == ("baseline", "lenet", "vgg")


@pytest.mark.parametrize("missing", [(), (0.99, 0.99), (0.99, 0.99, None)])
def test_too_few_refits_of_one_winner_leave_the_choice_as_it_was(
    record: SweepRecord, missing: tuple[float | None, ...]
) -> None:
    """Winners are compared on one kind of evidence only; failed refits do not count."""
    judged = examined(record, lenet=(0.1, 0.1, 0.1), baseline=(0.5, 0.5, 0.5), vgg=missing)
    assert (rank(judged).on, pick(judged).architecture) == ("search", "lenet")
    assert exam_score(judged, record.winners[-1]) is None


def test_fresh_repeats_decide_where_there_is_no_exam(record: SweepRecord) -> None:
    """If every winner has them; the exam comes before them."""
    flipped = dict(zip(("vgg", "baseline", "lenet"), record.winners, strict=True))
    confirmed = tuple(replace(winner, folds=flipped[winner.architecture].folds) for winner in record.winners)
    repeated = replace(record, confirmed=confirmed)
    assert (rank(repeated).on, names(rank(repeated))) == ("repeats", ("vgg", "baseline", "lenet"))
    assert "fresh repeats" in reason(repeated)
    assert rank(replace(repeated, confirmed=confirmed[:2])).on == "search"
    high = (0.9, 0.9, 0.9)
    judged = examined(repeated, lenet=high, baseline=(0.1, 0.1, 0.1), vgg=(0.2, 0.2, 0.2))
    assert (rank(judged).on, pick(judged).architecture) == ("exam", "lenet")
