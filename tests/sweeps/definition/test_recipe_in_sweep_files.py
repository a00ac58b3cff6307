"""The recipe in sweep files: what is written is planned, recorded and read back, or refused in one line."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from sweeps.definition.plan import Plan
from sweeps.definition.prepare import prepare
from sweeps.definition.spec import CrossValidation, SweepSpec
from sweeps.definition.sweep_file import parse_sweep, sweep_text
from trainer.datasets import Arrays
from trainer.errors import UsageError
from trainer.hyperparameters import Choice, Fixed, Float
from trainer.recipe.schedules import Schedule

ROOT = Path(__file__).parents[3]


def sweep(text: str) -> SweepSpec:
    """Return the sweep of a file with these lines."""
    return parse_sweep(tomllib.loads(f'name = "s"\n{text}'))


def planned(text: str) -> Plan:
    """Return the space of lenet in a sweep of 60 small images of two classes, cat and dog."""
    images = np.random.default_rng(1).integers(0, 255, (60, 8, 8), dtype=np.uint8)
    data = Arrays(images, np.arange(60) % 2, classes=("cat", "dog"), exam=0.0)
    spec = sweep(text)
    whole = SweepSpec(
        name="s", dataset=data, cv=spec.cv, training=spec.training, prune=spec.prune,
        architectures=["lenet"] if len(spec.architectures) > 1 else spec.architectures,
    )  # fmt: skip
    return prepare(whole, "").plan


def test_training_is_read_and_written_back() -> None:
    """Fixed values, choices, ranges and tables of class weights, for all architectures and for one."""
    text = """
[training]
schedule = { choices = ["none", "cosine"] }
label_smoothing = { low = 0.0, high = 0.2 }
class_weights = { dog = 3, cat = 0.5 }
[architectures.lenet]
class_weights = { choices = ["balanced", { cat = 2 }] }
"""
    spec = sweep(text)
    assert spec.training == {
        "schedule": Choice(("none", "cosine")),
        "label_smoothing": Float(low=0.0, high=0.2),
        "class_weights": Fixed('{"cat":0.5,"dog":3.0}'),
    }
    assert spec.architectures[0].ranges == {"class_weights": Choice(("balanced", '{"cat":2.0}'))}
    again = parse_sweep(tomllib.loads(sweep_text(spec)))
    assert (again.training, again.architectures) == (spec.training, spec.architectures)
    space = planned(text).architectures[0].space
    assert space["class_weights"] == Choice(("balanced", '{"cat":2.0}'))


def test_what_is_left_alone_is_absent() -> None:
    """From the identity and from the text that is recorded."""
    alone, usual = planned(""), planned('[training]\nschedule = "none"\n[cv]\nstop = "metric"')
    assert alone.key == usual.key
    assert "training" not in sweep_text(sweep(""))
    assert planned("[training]\nclip_norm = 1.0").key != alone.key


def test_never_stopping_leaves_no_stop_set_and_no_rungs() -> None:
    """The fits of all trials know it."""
    plan = planned('[cv]\nstop = "never"')
    [first, *_] = plan.fit_specs(plan.architectures[0], 0, {"learning_rate": 0.1})
    assert (first.stopping, plan.prune.rungs_within(plan.cv.epochs)) == (None, ())
    assert CrossValidation(stop="loss").stopping != CrossValidation().stopping


def test_the_latest_reduction_is_before_the_last_epoch() -> None:
    """One that takes place in the fit is accepted; the next one never would, and is refused below."""
    assert "decay_every" in planned('[training]\nschedule = "step"\ndecay_every = 29').architectures[0].space
    schedule = Schedule(kind="step", horizon=30, every=29)
    assert [schedule.rate(1.0, epoch) for epoch in (29, 30)] == [1.0, 0.1]


def test_the_defaults_of_a_stop_set_may_be_written_beside_never() -> None:
    """They are the same sweep as one that leaves them out."""
    written = '[cv]\nstop = "never"\npatience = 5\nmin_delta = 0.0\nstop_share = 0.1'
    assert planned(written).key == planned('[cv]\nstop = "never"').key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[training]\naugmnt = 1", "unknown hyperparameter training.augmnt: did you mean 'augment'?"),
        ("[training]\ndropout = 0.1", "training.dropout: only some architectures have it: write it in"),
        ("[training]\nfocal_gamma = 2.0", 'training.focal_gamma has no effect: it needs loss = "focal"'),
        ("training = 3", "training = 3: must be a table: write [training]"),
        (
            "[training]\nwarmup_epochs = 2",
            'training.warmup_epochs has no effect: it needs schedule = "constant"',
        ),
        (
            '[training]\nschedule = "step"\nwarmup_epochs = 30',
            "warmup_epochs = 30 must lie below cv.epochs = 30",
        ),
        (
            '[training]\nschedule = "step"\ndecay_every = 30',
            "decay_every = 30 must lie below cv.epochs = 30: otherwise it has no effect",
        ),
        (
            '[training]\nschedule = "step"\ndecay_every = { low = 2, high = 30 }',
            "decay_every = 30 must lie below cv.epochs = 30",
        ),
        (
            '[training]\nschedule = "plateau"\n[cv]\npatience = 2',
            "plateau_patience = 2 must lie below cv.patience",
        ),
        (
            '[training]\nschedule = "step"\ndecay_every = 28\nwarmup_epochs = { low = 0, high = 2 }',
            "decay_every = 28 must lie below cv.epochs less warmup_epochs = 28: otherwise it has no effect",
        ),
        (
            '[training]\nschedule = "plateau"\n[cv]\nstop = "never"',
            'schedule = "plateau" needs a stop set, and cv.stop = "never" leaves none',
        ),
        (
            '[training]\nschedule = { choices = ["cosine", "plateau"] }\n[cv]\nstop = "never"',
            'schedule = "plateau" needs a stop set',
        ),
        ('[cv]\nstop = "never"\npatience = 3', 'cv.patience = 3 has no effect with cv.stop = "never"'),
        ('[cv]\nstop = "never"\n[prune]\nrungs = [2]', "prune.rungs need a stop set: leave them out with"),
        ('[cv]\nstop = "nevr"', "cv.stop = \"nevr\": must be 'metric' or 'loss' or 'never'"),
        (
            '[training]\nloss = "focal"\nlabel_smoothing = 0.1',
            'training.label_smoothing has no effect: it needs loss = "cross-entropy"',
        ),
        (
            "[training]\nclass_weights = { dgo = 2 }",
            "training.class_weights: there is no class 'dgo': did you mean 'dog'?",
        ),
        (
            '[training]\nclass_weights = "balansed"',
            "training.class_weights: 'balansed' is not possible: did you",
        ),
        ("[training]\nclass_weights = { cat = -1 }", "the weight of 'cat' must be a number from 0 to 1,000"),
        ("[training]\nclass_weights = { cat = 0, dog = 0 }", "all classes weigh 0: nothing would be learnt"),
        (
            '[training]\noptimizer = "adamm"',
            "training.optimizer: 'adamm' is not possible: did you mean 'adam'",
        ),
        (
            "[training]\naugment_shift = 0.05",
            "training.augment_shift has no effect: 0.05 of 8 x 8 pixels is less",
        ),
        ("[training]\naugment_erase = 1.5", "training.augment_erase: must lie in 0 to 1, without 1"),
    ],
)
def test_what_cannot_be_trained_is_one_line(text: str, words: str) -> None:
    """It names the key and what to write instead; nothing is begun."""
    with pytest.raises(UsageError) as refused:
        planned(text)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["question.toml", "differences.toml"])
def test_the_questions_network_can_be_read(name: str) -> None:
    """Its recipe is the question's: Adam, 0.001, batches of 64, 200 epochs, patience 20 on the loss."""
    path = ROOT / "examples" / "question" / name
    spec = parse_sweep(tomllib.loads(path.read_text(encoding="utf-8")), folder=path.parent)
    assert (spec.cv.epochs, spec.cv.patience, spec.cv.stop) == (200, 20, "loss")
    assert spec.training["learning_rate"] == Fixed(0.001)
