"""Planning: spaces are completed and checked before anything starts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeps.definition import prepare as prepare_module
from sweeps.definition.architecture_choice import ArchitectureChoice
from sweeps.definition.prepare import git_commit, prepare
from sweeps.definition.spaces import complete_space
from sweeps.definition.spec import CrossValidation, SweepSpec
from trainer.architectures.inspect_messages import Accepted
from trainer.datasets import DatasetSource
from trainer.errors import UsageError
from trainer.hyperparameters import SHARED_SPACE, Choice, Fixed, Float, Integer, Range, Space
from trainer.user_code import UserSource

OWN: Space = {
    "dropout": Float(low=0.0, high=0.6),
    "filters": Choice((16, 32)),
    "blocks": Integer(low=1, high=3),
}


def test_a_narrowed_range_replaces_the_default() -> None:
    """The rest of the space stays, and names come sorted."""
    space = complete_space("net", OWN, {"dropout": Fixed(0.2), "learning_rate": Float(low=1e-4, high=1e-3)})
    assert list(space) == sorted({**SHARED_SPACE, **OWN})
    assert space["dropout"] == Fixed(0.2)
    assert space["learning_rate"] == Float(low=1e-4, high=1e-3)
    assert space["filters"] == OWN["filters"]


def test_whole_bounds_of_a_real_range_mean_reals() -> None:
    """People write 0 to 1 where they mean any number between."""
    space = complete_space("net", OWN, {"weight_decay": Integer(low=0, high=1)})
    assert space["weight_decay"] == Float(low=0, high=1)


@pytest.mark.parametrize(
    ("name", "choices", "words"),
    [
        ("learning_rat", Fixed(1), "did you mean 'learning_rate'"),
        ("optimizer", Fixed("adamm"), "'adamm' is not possible: did you mean 'adam'"),
        ("optimizer", Choice(("adam", "lion")), "'lion' is not possible"),
        ("dropout", Fixed("high"), "must be a number"),
        ("blocks", Fixed(1.5), "must be a whole number"),
        ("filters", Choice((16.5,)), "must be a whole number"),
        ("batch_size", Fixed(0), "must be above 0"),
        ("learning_rate", Float(low=0.0, high=1.0), "must be above 0"),
        ("batch_size", Fixed(True), "must be a number"),
        ("weight_decay", Fixed(-1.0), "must not be negative"),
        ("dropout", Fixed(1.5), "must lie in 0 to 1"),
        ("filters", Fixed(-2), "must be above 0"),
    ],
)
def test_impossible_ranges_are_refused(name: str, choices: Range, words: str) -> None:
    """With the key and what is possible."""
    with pytest.raises(UsageError, match=rf"architectures\.net\.{name}: .*{words}"):
        complete_space("net", OWN, {name: choices})


def test_a_class_with_too_few_samples_is_named(tmp_path: Path) -> None:
    """By number and name, before anything starts."""
    labels = np.array(["cat"] * 10 + ["dog"] * 2)
    np.savez(tmp_path / "pets.npz", images=np.zeros((12, 8, 8), dtype=np.uint8), labels=labels)
    spec = SweepSpec(
        name="pets",
        dataset=DatasetSource(source="pets.npz", exam=0.0),
        cv=CrossValidation(folds=3),
        architectures=(ArchitectureChoice(name="lenet"),),
        folder=tmp_path,
    )
    with pytest.raises(UsageError, match=r"class 1 has 2 samples, fewer than the 3 folds.*1 is dog"):
        prepare(spec, "")


def test_hyperparameters_of_a_user_s_space_have_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that the user's own code could not look up again is refused before anything starts."""
    source = UserSource(spec="a.py:Net", files=(("a.py", ""),))
    space: Space = {"gro\u0308sse": Fixed(1)}
    found = Accepted(source=source, space=space)
    monkeypatch.setattr(prepare_module, "inspect_user", lambda *_a, **_k: found)
    spec = SweepSpec(name="x", architectures=(ArchitectureChoice(name="net", source="a.py:Net"),))
    with pytest.raises(UsageError, match=r"architectures\.net: the name of a hyperparameter.*composed form"):
        prepare(spec, "")


def test_own_seeds_that_are_meant_change_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The inspecting process is told, and what it has to say of the network is kept beside the plan."""
    asked: list[bool] = []

    def look(*_: Any, keep_seeds: bool, **__: Any) -> Accepted:
        asked.append(keep_seeds)
        source = UserSource(spec="a.py:Net", files=(("a.py", ""),))
        return Accepted(source=source, space={}, remarks=("net: known",) if keep_seeds else ())

    monkeypatch.setattr(prepare_module, "inspect_user", look)
    silent = ArchitectureChoice(name="net", source="a.py:Net")
    keeping = ArchitectureChoice(name="net", source="a.py:Net", own_seeds="keep")
    plain, kept = (prepare(SweepSpec(name="x", architectures=(each,)), "") for each in (silent, keeping))
    assert asked == [False, True]
    assert (plain.remarks, kept.remarks) == ((), ("net: known",))
    assert plain.plan.key == kept.plan.key


def test_digits_make_a_plan() -> None:
    """The identity names the data, the architectures' code and the whole space."""
    prepared = prepare(SweepSpec(name="x", architectures=(ArchitectureChoice(name="lenet"),)), "")
    identity = prepared.plan.identity()
    assert identity["dataset"] == prepared.dataset.fingerprint
    assert set(identity["architectures"]) == {"lenet"}
    assert prepared.environment.packages["tensorflow"] != "not installed"


def test_outside_git_there_is_no_commit(tmp_path: Path) -> None:
    """None, and no message of git's gets through."""
    assert git_commit(tmp_path) is None
