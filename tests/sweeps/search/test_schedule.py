"""The schedule: what is proposed and what comes out depends on outcomes alone, never on timing."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.definition.identity import plan_of
from sweeps.definition.plan import Plan
from sweeps.definition.spec import Prune
from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from sweeps.search.optuna_export import frozen_trial
from sweeps.search.proposals import Observation, optuna_package
from sweeps.search.schedule import Schedule
from sweeps.verification.differences import proposal_differences
from tests.closed_formula import InlineWorkers, Killed, in_memory_ledger, plan, prepared, result_of, starter
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord
from trainer.hyperparameters import Hyperparameters


def run_once(made: Plan, ledger: Ledger, workers: InlineWorkers, home: Path) -> SweepRecord:
    """Run a made-up sweep."""
    return run_sweep(
        prepared(made), home, ledger, start_workers=starter(workers), workers=1, progress=Silent()
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all: only the stored dataset is in it."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module", params=[1, 2, 3], ids=lambda window: f"window-{window}")
def reference(request: pytest.FixtureRequest, home: Path) -> tuple[int, SweepRecord]:
    """The sweep run by one worker without any trouble."""
    made = plan(window=request.param)
    return request.param, run_once(made, in_memory_ledger(), InlineWorkers(1), home)


@settings(max_examples=70)
@given(
    workers=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    kills=st.lists(st.integers(0, 20), max_size=3),
    seed=st.integers(0, 2**32),
)
def test_the_digest_depends_on_nothing_but_the_sweep(
    reference: tuple[int, SweepRecord], home: Path, workers: list[int], kills: list[int], seed: int
) -> None:
    """Any number of workers, any finishing order, any kills of the coordinator: one digest, one record."""
    window, expected = reference
    ledger, rng = in_memory_ledger(), random.Random(seed)
    for count, kill_after in zip([*workers, 2, 2, 2], kills, strict=False):
        try:
            run_once(plan(window=window), ledger, InlineWorkers(count, rng.randrange, kill_after), home)
        except Killed:
            continue
    record = run_once(plan(window=window), ledger, InlineWorkers(workers[-1], rng.randrange), home)
    assert record.digest == expected.digest
    assert [t.outcome() for t in record.trials] == [t.outcome() for t in expected.trials]


def test_the_reference_has_failures_and_successes(reference: tuple[int, SweepRecord]) -> None:
    """The property above would prove little if every trial were alike."""
    _, record = reference
    assert {trial.state for trial in record.trials} == {"complete", "failed", "pruned"}
    assert record.finished


def test_the_digest_changes_with_the_seed(home: Path) -> None:
    """Another seed is another sweep."""
    one, other = (
        run_once(plan(seed=seed), in_memory_ledger(), InlineWorkers(1), home).digest for seed in (1, 2)
    )
    assert one != other


def test_a_finished_sweep_trains_nothing_again(home: Path) -> None:
    """Running it again returns the record from the ledger; no worker is even started."""
    ledger = in_memory_ledger()
    first = run_once(plan(), ledger, InlineWorkers(2), home)
    again = InlineWorkers(2)
    assert run_once(plan(), ledger, again, home).digest == first.digest
    assert again.trained == []


def test_no_fit_is_trained_twice_after_a_kill(home: Path) -> None:
    """What was recorded before the kill is not trained again."""
    ledger, first, second = in_memory_ledger(), InlineWorkers(2, kill_after=7), InlineWorkers(2)
    with pytest.raises(Killed):
        run_once(plan(), ledger, first, home)
    run_once(plan(), ledger, second, home)
    assert len(first.trained) == 7
    assert not set(first.trained) & set(second.trained)


def test_more_trials_continue_the_same_sweep(home: Path) -> None:
    """Raising the number of trials keeps those there are: trial n is the same in a longer sweep."""
    ledger = in_memory_ledger()
    short = run_once(plan(trials=3), ledger, InlineWorkers(2), home)
    more = InlineWorkers(2)
    longer = run_once(plan(trials=5), ledger, more, home)
    straight = run_once(plan(trials=5), in_memory_ledger(), InlineWorkers(3), home)
    assert longer.digest == straight.digest
    assert [t.outcome() for t in longer.trials][: len(short.trials)] == [t.outcome() for t in short.trials]


def started(made: Plan) -> Plan:
    """Return the plan with starting points for its first architecture."""
    start: tuple[Hyperparameters, ...] = ({"learning_rate": 1e-3, "optimizer": "sgd"}, {"dropout": 0.125})
    alpha, *others = made.architectures
    return replace(made, architectures=(replace(alpha, start=start), *others))


@pytest.mark.parametrize("window", [1, 3])
def test_starting_points_come_first_and_the_rest_is_proposed(window: int, home: Path) -> None:
    """Trial k has the values of table k; what it leaves out is proposed as if there were none."""
    bare = run_once(plan(window=window), in_memory_ledger(), InlineWorkers(1), home)
    made = started(plan(window=window))
    record = run_once(made, in_memory_ledger(), InlineWorkers(1), home)
    alpha, usual = ([t for t in r.trials if t.architecture == "alpha"] for r in (record, bare))
    assert alpha[0].hyperparameters == {**usual[0].hyperparameters, **made.architectures[0].start[0]}
    assert alpha[1].hyperparameters["dropout"] == 0.125
    assert [t.seed for t in alpha] == [t.seed for t in usual]
    betas = ([t.outcome() for t in r.trials if t.architecture == "beta"] for r in (record, bare))
    assert next(betas) == next(betas)


def test_tpe_is_told_of_starting_points(home: Path) -> None:
    """Later trials are proposed from their outcomes."""
    made = plan(trials=6, prune=Prune(enabled=False))
    bare, record = (run_once(p, in_memory_ledger(), InlineWorkers(1), home) for p in (made, started(made)))
    last, usual = (r.trials[-2] for r in (record, bare))
    assert (last.architecture, last.number) == ("alpha", 5)
    assert last.hyperparameters != usual.hyperparameters


@settings(max_examples=20)
@given(kills=st.lists(st.integers(0, 20), max_size=3), seed=st.integers(0, 2**32))
def test_a_sweep_with_starting_points_goes_on_and_is_proposed_again(
    home: Path, kills: list[int], seed: int
) -> None:
    """After kills, with more workers and more trials; ``verify`` derives its proposals, Optuna takes them."""
    ledger, rng = in_memory_ledger(), random.Random(seed)
    for kill_after in kills:
        try:
            run_once(started(plan(window=2)), ledger, InlineWorkers(2, rng.randrange, kill_after), home)
        except Killed:
            continue
    made = started(plan(trials=5, window=2))
    record = run_once(made, ledger, InlineWorkers(3, rng.randrange), home)
    assert record.digest == run_once(made, in_memory_ledger(), InlineWorkers(1), home).digest
    entry = ledger.entry("made-up")
    assert entry is not None
    assert plan_of(entry).key == made.key == entry.key
    assert proposal_differences(record, plan_of(entry)) == []
    space = made.architectures[0].space
    frozen = [frozen_trial(optuna_package(), trial, space) for trial in record.trials]
    assert [each.user_attrs["refold.trial"] for each in frozen] == [t.number for t in record.trials]


@pytest.mark.parametrize("window", [1, 2, 3])
def test_a_proposal_sees_exactly_its_window(window: int) -> None:
    """Trial n is told trials 0 to n - window in order, and the ones between as pending."""
    seen: list[tuple[int, list[float], int]] = []

    def propose(
        _architecture: Any, number: int, observed: Sequence[Observation], pending: Sequence[Hyperparameters]
    ) -> Hyperparameters:
        seen.append((number, [float(t.hyperparameters["learning_rate"]) for t in observed], len(pending)))
        return {"learning_rate": 1e-3 * (number + 1), "batch_size": 32, "dropout": 0.1}

    schedule = Schedule(plan(architectures=1, trials=6, window=window), propose)
    while not schedule.finished:
        schedule.open_trials()
        _, spec = schedule.waiting()[-1]  # the latest first, to tempt it
        schedule.record(result_of(spec))
    for number, observed, pending in seen:
        known = max(0, number - window + 1)
        assert observed == [1e-3 * (index + 1) for index in range(known)]
        assert pending == number - known


def test_a_failed_fold_spares_the_later_ones_but_not_the_earlier() -> None:
    """After fold 1 failed, fold 2 need not run, but fold 0 decides whether fold 1 would have."""
    values = {"learning_rate": 1e-3, "batch_size": 32, "dropout": 0.5}
    schedule = Schedule(plan(architectures=1, trials=1), lambda *_: values)
    (trial,) = schedule.open_trials()
    states = []
    schedule.record(result_of(trial.specs[1]))
    states.append(trial.state)
    assert trial.waiting() == [trial.specs[0]]
    schedule.record(result_of(trial.specs[0]))
    states.append(trial.state)
    assert states == ["running", "failed"]
    assert schedule.finished


def test_architectures_advance_together() -> None:
    """The most urgent fits are those of the lowest trial numbers, whichever architecture they belong to."""
    made = plan(architectures=3, window=2, prune=Prune(enabled=False))
    schedule = Schedule(made, lambda *_: {"learning_rate": 1e-3, "batch_size": 32})
    schedule.open_trials()
    numbers = [trial.number for trial, _ in schedule.waiting()]
    assert numbers == sorted(numbers)
    assert numbers.count(0) == 9
