"""Which model is taken home, and what it is called."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from sweeps.analysis.best_trial import pick
from sweeps.execution.loop import enter, run_sweep
from sweeps.execution.progress import Silent
from sweeps.export.request import ExportRequest
from sweeps.export.selection import HOWS, choose, earlier_name, model_name
from sweeps.retraining.recorded_code import RecordedCode
from tests.closed_formula import InlineWorkers, in_memory_ledger, plan, prepared, starter
from tracking.records import SweepRecord
from trainer.errors import UsageError
from trainer.hyperparameters import Choice, Fixed

#: The space of both architectures: all of it is searched.
SPACE = plan().architectures[0].space

NAMES = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> SweepRecord:
    """A made-up sweep."""
    home = tmp_path_factory.mktemp("home")
    start = starter(InlineWorkers(1))
    ledger = in_memory_ledger()
    return run_sweep(prepared(plan()), home, ledger, start_workers=start, workers=1, progress=Silent())


def test_the_best_trial_is_picked(record: SweepRecord) -> None:
    """Over all architectures, or of one."""
    assert pick(record).f1 == max(trial.f1 for trial in record.trials if trial.f1 is not None)
    assert pick(record, "beta").architecture == "beta"
    with pytest.raises(UsageError, match="no architecture 'gamma'; it has: alpha, beta"):
        pick(record, "gamma")
    with pytest.raises(UsageError, match="no trial in the sweep 'made-up' is complete yet"):
        pick(replace(record, trials=()))


def test_a_trial_can_be_named(record: SweepRecord) -> None:
    """As 'refold show' calls it; it must be one, a complete one, and not contradict the architecture."""
    some = record.ranking[-1]
    assert pick(record, trial=f"{some.architecture}/{some.number}") is some
    assert pick(record, some.architecture, some.name) is some
    with pytest.raises(UsageError, match=r"no trial 'alpha/9'; it has alpha/0 to alpha/3"):
        pick(record, trial="alpha/9")
    other = "beta" if some.architecture == "alpha" else "alpha"
    with pytest.raises(UsageError, match="leave out --architecture"):
        pick(record, other, f"{some.architecture}/{some.number}")


@pytest.mark.parametrize("state", ["failed", "pruned", "running"])
def test_only_complete_trials_can_be_exported(record: SweepRecord, state: str) -> None:
    """Whatever else has become of it: it has not all of its folds."""
    first, *rest = record.ranking
    changed = replace(record, trials=(replace(first, state=state), *rest))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=f"is {state}.*: only a complete one"):
        pick(changed, trial=f"{first.architecture}/{first.number}")
    assert pick(changed).number != first.number or pick(changed).architecture != first.architecture


def test_a_refit_lasts_the_median_of_the_best_epochs(record: SweepRecord) -> None:
    """On everything, with seeds of its own; between two epochs it takes the later."""
    trial = pick(record)
    choice = choose(record, trial, "refit")
    (spec,) = choice.specs
    best = sorted(fold.run.result.best_epoch for fold in trial.folds)
    assert choice.recorded == (None,)
    assert (spec.fold, spec.stopping, spec.epochs) == (None, None, best[1])
    assert spec.seeds.initialisation not in {fold.spec.seeds.initialisation for fold in trial.folds}
    two = replace(trial, folds=trial.folds[:2])
    expected = sum(fold.run.result.best_epoch for fold in two.folds) / 2
    assert expected <= choose(record, two, "refit").specs[0].epochs < expected + 1


def test_an_ensemble_is_all_folds_and_the_best_fold_is_the_best(record: SweepRecord) -> None:
    """With the records that they must meet; of equal scores the first fold."""
    trial = pick(record)
    ensemble, best = choose(record, trial, "ensemble"), choose(record, trial, "best-fold")
    assert ensemble.recorded == trial.folds
    assert ensemble.specs == tuple(fold.spec for fold in trial.folds)
    (fold,) = best.recorded
    assert fold is not None
    assert fold.run.result.f1 == max(trial.fold_scores)
    same = replace(trial, folds=(trial.folds[0],) * 3)
    assert choose(record, same, "best-fold").recorded == (trial.folds[0],)


def test_each_way_is_a_model_of_its_own(record: SweepRecord) -> None:
    """The key tells them apart, and so does the name."""
    choices = [choose(record, pick(record), how) for how in HOWS]
    assert len({choice.key for choice in choices}) == 3
    assert len({model_name(record, choice, SPACE) for choice in choices}) == 3


def test_the_name_says_what_it_is(record: SweepRecord) -> None:
    """Sweep, architecture, score, the values that were searched, the trial and the key; nothing fixed."""
    trial = pick(record)
    choice = choose(record, trial, "refit")
    name = model_name(record, choice, SPACE)
    assert name.startswith(f"made-up-{trial.architecture}-refit-f1_{trial.f1:.4f}-batch_size_")
    assert name.endswith(f"-t{trial.number:04}-{choice.key[:8]}")
    assert f"optimizer_{trial.hyperparameters['optimizer']}" in name
    batch = trial.hyperparameters["batch_size"]
    fixed = model_name(record, choice, {**SPACE, "batch_size": Fixed(batch)})
    assert fixed == name.replace(f"batch_size_{batch}-", "")
    nothing = model_name(
        record, choice, {name: Fixed(value) for name, value in trial.hyperparameters.items()}
    )
    assert nothing.endswith(f"-f1_{trial.f1:.4f}-t{trial.number:04}-{choice.key[:8]}")
    assert model_name(record, choice, SPACE, "f" * 64).endswith(f"-t{trial.number:04}-ffffffff")


def test_two_models_never_share_a_name(record: SweepRecord) -> None:
    """However long and odd names are, in letters that every file system takes; versions are in the key."""
    values = {f"x{n}": "é/" * 9 for n in range(40)}
    odd = replace(record.trials[0], architecture="a/b c" * 50, state="complete", hyperparameters=values)
    space = dict.fromkeys(values, Choice(("é/" * 9, "b")))
    first = choose(record, odd, "refit")
    (spec,) = first.specs
    second = replace(first, specs=(replace(spec, platform=(("tensorflow", "9.9"),)),))
    names = {model_name(record, choice, space) for choice in (first, second, choose(record, odd, "ensemble"))}
    assert len(names) == 3
    for name in names:
        assert len(name) <= 200
        assert set(name) <= NAMES
        assert Path(name).name == name


@pytest.fixture
def request_of(record: SweepRecord, tmp_path: Path) -> ExportRequest:
    """A request to export the best trial's refit."""
    ledger = in_memory_ledger()
    enter(prepared(plan()), ledger)
    entry = ledger.entry("made-up")
    assert entry is not None
    choice = choose(record, pick(record), "refit")
    return ExportRequest(
        record=record, entry=entry, code=RecordedCode({}), choice=choice, formats=("keras",),
        out=tmp_path, home=tmp_path, log=tmp_path / "log",
    )  # fmt: skip


def test_a_model_of_an_earlier_refold_keeps_its_folder(
    request_of: ExportRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it is the same model: formats are added to it, and it is not exported twice under two names."""
    new = request_of.out / model_name(request_of.record, request_of.choice, SPACE)
    old = request_of.out / earlier_name(request_of.record, request_of.choice)
    assert old.name.startswith("made-up-")
    assert f"-t{request_of.choice.trial.number:04}-batch_size_" in old.name
    assert request_of.target == new
    for key, folder in ((request_of.choice.key, old), ("another", new)):
        about = SimpleNamespace(key=key)
        monkeypatch.setattr("sweeps.export.request.read_about", {old: about}.get)
        assert request_of.target == folder
