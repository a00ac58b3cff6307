"""Pruning: thresholds follow from told trials alone, and with a margin of 1 no winner is ever lost."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sweeps.definition.spec import Prune
from sweeps.search.outcomes import Ended
from sweeps.search.schedule import Schedule
from sweeps.search.thresholds import thresholds
from tests.closed_formula import plan, result_of
from tracking.records import sequence
from trainer.fits.pruning import shortfall
from trainer.fits.results import Epoch, FitResult
from trainer.fits.specs import Rung, Thresholds
from trainer.fits.stopping import missed_rung
from trainer.metrics.confusion import Confusion, macro_f1, pooled
from trainer.metrics.metric import MACRO_F1, Metric
from trainer.metrics.table import metric_called

FOLDS, CLASSES = 3, 3


def fold(
    confusion: Confusion,
    curve: tuple[float, ...] = (0.5,),
    state: str = "complete",
    metric: Metric = MACRO_F1,
) -> FitResult:
    """A fold with these predictions and this curve of stop-set scores."""
    epochs = tuple(
        Epoch(loss=1.0, accuracy=0.5, stop_loss=1.0, stop_accuracy=0.5, stop_f1=f1, weights_sha256="")
        for f1 in curve
    )
    f1 = macro_f1(confusion) if state == "complete" else None
    other = None if metric == MACRO_F1 else metric.of(confusion)
    return FitResult(
        key="k",
        state=state,  # type: ignore[arg-type]
        epochs=epochs,
        confusion=confusion,
        f1=f1,
        metric=other,
    )


def confusion(rng: random.Random, supports: tuple[int, ...]) -> Confusion:
    """Random predictions of so many samples of each class; now and then nearly perfect ones."""
    skill = rng.choice((0.0, 0.5, 0.9, 1.0))
    rows = np.zeros((CLASSES, CLASSES), dtype=int)
    for label, support in enumerate(supports):
        for _ in range(support):
            rows[label, label if rng.random() < skill else rng.randrange(CLASSES)] += 1
    return tuple(tuple(int(count) for count in row) for row in rows)


def cross_validated(
    trials: list[list[Confusion]],
    rule: Prune,
    held_out: tuple[tuple[int, ...], ...] = (),
    metric: Metric = MACRO_F1,
) -> list[Ended]:
    """Run made-up trials in order under a rule."""
    observed: list[Ended] = []
    for confusions in trials:
        asked = thresholds(rule, observed, folds=FOLDS, epochs=10, held_out=held_out, metric=metric)
        results: dict[int, FitResult] = {}
        for position, counts in enumerate(confusions):
            results[position] = fold(counts, metric=metric)
            state, counted = sequence(results, FOLDS, asked, metric)
            if state != "running":
                break
        observed.append(Ended({}, state, tuple(results[p] for p in range(counted)), metric))
    return observed


@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32),
    trials=st.integers(2, 12),
    sizes=st.lists(st.integers(1, 6), min_size=3, max_size=3),
)
def test_a_margin_of_one_never_loses_the_winner(seed: int, trials: int, sizes: list[int]) -> None:
    """Neither by pooled macro-F1, which ranks trials, nor by the mean over folds; whatever the folds hold.

    Supports of a class differ by at most one between folds, as stratified folds' do.
    """
    rng = random.Random(seed)
    supports = [tuple(size + rng.randrange(2) for size in sizes) for _ in range(FOLDS)]
    made = [[confusion(rng, supports[fold]) for fold in range(FOLDS)] for _ in range(trials)]
    ended = cross_validated(made, Prune(margin=1.0, keep=1.0))
    complete = [trial for trial in ended if trial.state == "complete"]
    whole = [Ended({}, "complete", tuple(map(fold, confusions))) for confusions in made]
    assert max(trial.score for trial in complete) == max(trial.score for trial in whole)
    assert max(trial.mean for trial in complete) == max(trial.mean for trial in whole)


@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32),
    trials=st.integers(2, 12),
    counts=st.lists(st.lists(st.integers(0, 7), min_size=3, max_size=3), min_size=FOLDS, max_size=FOLDS),
)
def test_nor_with_folds_of_groups(seed: int, trials: int, counts: list[list[int]]) -> None:
    """Whole groups and given folds make folds of any sizes, and some lack a class: the real counts decide."""
    assume(all(any(fold[label] for fold in counts) for label in range(CLASSES)))
    assume(all(any(fold) for fold in counts))
    rng, held_out = random.Random(seed), tuple(map(tuple, counts))
    made = [[confusion(rng, each) for each in held_out] for _ in range(trials)]
    ended = cross_validated(made, Prune(margin=1.0, keep=1.0), held_out)
    complete = [trial for trial in ended if trial.state == "complete"]
    whole = [Ended({}, "complete", tuple(map(fold, confusions))) for confusions in made]
    assert max(trial.score for trial in complete) == max(trial.score for trial in whole)
    assert max(trial.mean for trial in complete) == max(trial.mean for trial in whole)


@pytest.mark.parametrize(
    "name",
    ["accuracy", "balanced_accuracy", "f1_weighted", "recall:1:b", "precision:1:b"],
)
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), trials=st.integers(2, 8))
def test_nor_is_one_by_another_metric(name: str, seed: int, trials: int) -> None:
    """With a margin of 1."""
    rng, metric = random.Random(seed), metric_called(name)
    held_out = tuple(tuple(rng.randrange(1, 6) for _ in range(CLASSES)) for _ in range(FOLDS))
    made = [[confusion(rng, each) for each in held_out] for _ in range(trials)]
    ended = cross_validated(made, Prune(margin=1.0, keep=1.0), held_out, metric)
    whole = [
        Ended({}, "complete", tuple(fold(each, metric=metric) for each in confusions), metric)
        for confusions in made
    ]
    best = max(trial.score for trial in ended if trial.state == "complete")
    assert best == max(trial.score for trial in whole)


def test_what_nothing_bounds_ends_no_trial() -> None:
    """Matthews correlation with a margin of 1, where accuracy ends a trial."""
    good, bad = ((9, 1, 0), (0, 10, 0), (0, 0, 10)), ((0, 10, 0), (10, 0, 0), (0, 10, 0))
    for name, state in (("accuracy", "pruned"), ("matthews_corrcoef", "complete")):
        ended = cross_validated([[good] * 3, [bad] * 3], Prune(margin=1.0, keep=1.0), (), metric_called(name))
        assert [trial.state for trial in ended] == ["complete", state]


def test_the_counts_of_stratified_folds_would_lose_a_winner_of_groups() -> None:
    """The property above needs the real counts: here the last fold has nearly all images."""
    held_out = ((1, 1, 1), (1, 1, 1), (40, 40, 40))
    wrong = ((0, 1, 0), (0, 0, 1), (1, 0, 0))
    small = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    fair, right = (((30, 10, 0), (0, 30, 10), (10, 0, 30)), ((40, 0, 0), (0, 40, 0), (0, 0, 40)))
    made: list[list[Confusion]] = [[small, small, fair], [wrong, wrong, right]]
    rule = Prune(margin=1.0, keep=1.0)
    assert [trial.state for trial in cross_validated(made, rule, held_out)] == ["complete", "complete"]
    assert [trial.state for trial in cross_validated(made, rule)] == ["complete", "pruned"]


def test_a_margin_of_one_does_spare_something() -> None:
    """The properties above would hold as well if nothing were ever pruned."""
    good, bad = ((9, 1, 0), (0, 10, 0), (0, 0, 10)), ((0, 10, 0), (10, 0, 0), (0, 10, 0))
    for held_out in ((), ((10, 10, 10),) * 3):
        ended = cross_validated([[good] * 3, [bad] * 3], Prune(margin=1.0, keep=1.0), held_out)
        assert [len(trial.results) for trial in ended] == [3, 1]
        assert ended[1].state == "pruned"


@settings(max_examples=200)
@given(seed=st.integers(0, 2**32), done=st.integers(1, FOLDS - 1))
def test_nothing_beats_the_best_that_is_thought_possible(seed: int, done: int) -> None:
    """Whatever the remaining folds hold, pooled macro-F1 stays within the bound."""
    rng = random.Random(seed)
    supports = [tuple(4 + rng.randrange(2) for _ in range(CLASSES)) for _ in range(FOLDS)]
    first = [confusion(rng, supports[fold]) for fold in range(done)]
    rest = [confusion(rng, supports[fold]) for fold in range(done, FOLDS)]
    assert macro_f1(pooled(first + rest)) <= MACRO_F1.reachable(first, FOLDS) + 1e-12


def test_ceilings_are_the_best_told_score_of_each_fold_and_the_margin() -> None:
    """Also of trials that were pruned later; never above 1."""
    a, b, c = ((9, 1), (1, 9)), ((10, 0), (0, 10)), ((5, 5), (5, 5))
    observed = [
        Ended({}, "complete", (fold(a), fold(c), fold(a))),
        Ended({}, "pruned", (fold(c), fold(a))),
        Ended({}, "complete", (fold(b), fold(c), fold(c))),
    ]
    asked = thresholds(Prune(margin=0.02, keep=1.0), observed, folds=3, epochs=9)
    assert asked is not None
    assert [round(ceiling, 9) for ceiling in asked.ceilings] == [1.0, 0.92, 0.92]
    assert asked.incumbent_mean == max(observed[0].mean, observed[2].mean)
    assert asked.rungs == ()


def test_a_trial_goes_on_while_it_can_still_win() -> None:
    """The bound is compared with the incumbent's mean; a tie goes on, and so does the last fold."""
    asked = Thresholds(ceilings=(0.9, 0.8, 0.7), incumbent_mean=0.7, incumbent_f1=0.7)
    counts = [((1, 0), (0, 1))] * 3
    assert shortfall(asked, [0.6], counts[:1], 3) is None  # (0.6 + 0.8 + 0.7) / 3 is the incumbent's
    reason = shortfall(asked, [0.59], counts[:1], 3)
    assert reason == "after 1 of 3 folds its mean F1 could reach 0.6967 at best, the incumbent has 0.7000"
    assert shortfall(asked, [0.1, 0.1, 0.1], counts, 3) is None
    assert shortfall(None, [0.0], counts[:1], 3) is None
    assert shortfall(Thresholds(), [0.0], counts[:1], 3) is None


def test_rungs_ask_for_what_the_better_part_had_reached() -> None:
    """Of four told trials the two best set the mark; one that was stopped before a rung does not count."""
    diagonal = ((1, 0), (0, 1))
    curves = [(0.2, 0.5, 0.4), (0.3, 0.3, 0.9), (0.1, 0.1), (0.4, 0.45, 0.5)]
    observed = [Ended({}, "complete", (fold(diagonal, curve),) * 3) for curve in curves]
    rule = Prune(rungs=(1, 2, 5), keep=0.5, startup=4)
    asked = thresholds(rule, observed, folds=3, epochs=9)
    # By epoch 2 they had 0.5, 0.3, 0.1 and 0.45; early stopping ended all before epoch 5.
    assert asked is not None
    assert asked.rungs == (Rung(epoch=1, f1=0.3), Rung(epoch=2, f1=0.45), Rung(epoch=5, f1=0.5))
    stopped = Ended({}, "pruned", (fold(diagonal, (0.05,), "pruned"),))
    more = thresholds(rule, [*observed, stopped], folds=3, epochs=9)
    assert more is not None
    assert more.rungs == (Rung(epoch=1, f1=0.2), *asked.rungs[1:])
    few = thresholds(replace(rule, startup=5), observed, folds=3, epochs=9)
    assert few is not None
    assert few.rungs == ()


def test_a_rung_asks_after_its_own_epoch_only() -> None:
    """And a tie is enough."""
    asked = Thresholds(rungs=(Rung(epoch=2, f1=0.5), Rung(epoch=4, f1=0.7)))
    assert missed_rung(asked, 1, 0.0) is None
    assert missed_rung(asked, 2, 0.5) is None
    assert missed_rung(asked, 2, 0.499) == asked.rungs[0]
    assert missed_rung(asked, 4, 0.6) == asked.rungs[1]
    assert missed_rung(None, 4, 0.0) is None


def test_the_first_fold_is_a_gate_and_the_others_run_side_by_side() -> None:
    """With pruning one fit of a trial waits until fold 0 has ended, then all of the others do."""
    values = {"learning_rate": 1e-3, "batch_size": 32, "dropout": 0.1}
    schedule = Schedule(plan(architectures=1, trials=1), lambda *_: values)
    (trial,) = schedule.open_trials()
    assert trial.waiting() == [trial.specs[0]]
    schedule.record(result_of(trial.specs[0]))
    assert trial.waiting() == list(trial.specs[1:])
    without = Schedule(plan(architectures=1, trials=1, prune=Prune(enabled=False)), lambda *_: values)
    (trial,) = without.open_trials()
    assert trial.waiting() == list(trial.specs)


def test_pruned_trials_tell_what_they_reached() -> None:
    """In the first fold its best stop-set score and its epochs, later the mean of its folds."""
    counts = ((9, 1), (1, 9))
    at_a_rung = Ended({}, "pruned", (fold(counts, (0.3, 0.6, 0.4), "pruned"),)).observation(epochs=30)
    assert (at_a_rung.score, at_a_rung.pruned_at) == (0.6, 3)
    after_two = Ended({}, "pruned", (fold(counts), fold(counts))).observation(epochs=30)
    assert (round(after_two.score, 9), after_two.pruned_at) == (0.9, 32)
    assert Ended({}, "failed", (fold(counts, state="failed"),)).observation(epochs=30).score == 0.0
