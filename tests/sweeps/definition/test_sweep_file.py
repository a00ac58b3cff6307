"""Sweep files: what they say is understood, and what is wrong gets one line that helps."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.definition.architecture_choice import ArchitectureChoice
from sweeps.definition.spec import CrossValidation, Prune, Search, SweepSpec
from sweeps.definition.sweep_file import parse_sweep, read_sweep_file, sweep_text
from trainer.architectures import BUILT_IN
from trainer.datasets import DatasetSource
from trainer.errors import UsageError
from trainer.hyperparameters import Choice, Fixed, Float, Integer


def parsed(text: str) -> SweepSpec:
    """Parse a sweep file's text."""
    return parse_sweep(tomllib.loads(text))


def test_everything_has_a_default_but_the_name() -> None:
    """One line is a sweep: digits, six architectures, ten trials, five folds."""
    spec = parsed('name = "x"')
    assert spec == SweepSpec(name="x")
    assert [choice.name for choice in spec.architectures] == list(BUILT_IN)
    assert (spec.trials, spec.cv.folds, spec.dataset.source, spec.search.window) == (10, 5, "digits", 1)


def test_a_full_file_is_understood() -> None:
    """Every key ends where it belongs."""
    spec = parsed(
        """
        name = "full"
        seed = 7
        trials = 3
        [dataset]
        source = "photos"
        samples = 100
        image_size = [32, 48]
        colour = "grey"
        [cv]
        folds = 4
        epochs = 12
        patience = 2
        min_delta = 0.001
        stop_share = 0.2
        [search]
        startup = 3
        window = 2
        [prune]
        margin = 0.01
        rungs = [2, 5]
        keep = 0.4
        startup = 6
        [mlflow]
        experiment = "shared"
        [architectures.resnet]
        learning_rate = { low = 1e-4, high = 1e-2, log = true }
        batch_size = 32
        optimizer = { choices = ["adam", "sgd"] }
        [architectures.mine]
        source = "my_models.py:TinyNet"
        depth = { low = 1, high = 3 }
        """
    )
    assert spec.dataset == DatasetSource(source="photos", samples=100, image_size=(32, 48), colour="grey")
    assert spec.cv == CrossValidation(folds=4, epochs=12, patience=2, min_delta=0.001, stop_share=0.2)
    assert spec.search == Search(startup=3, window=2)
    assert spec.prune == Prune(margin=0.01, rungs=(2, 5), keep=0.4, startup=6)
    assert spec.experiment == "shared"
    resnet, mine = spec.architectures
    assert resnet.ranges == {
        "learning_rate": Float(low=1e-4, high=1e-2, log=True),
        "batch_size": Fixed(32),
        "optimizer": Choice(("adam", "sgd")),
    }
    assert mine == ArchitectureChoice(
        name="mine", source="my_models.py:TinyNet", ranges={"depth": Integer(low=1, high=3)}
    )


WRONG = {
    "seed = 1": "name is missing",
    'name = "a b"': "has U+0020 (space): write letters from A to Z, digits",
    'name = "x"\n[architectures."../../../x"]\nsource = "a.py:B"': "has '/', which separates folders",
    'name = "x"\n[architectures."a\\u001b[31m"]\nsource = "a.py:B"': "has U+001B (control character)",
    'name = "x"\n[mlflow]\nexperiment = "a\\u202eb"': "has U+202E (right-to-left override)",
    'name = "x"\n"a\\u001b[31m" = 1': r"unknown key a\x1b[31m",
    'name = "x"\nfoo = 1': "unknown key foo: there is: architectures, compare, cv, dataset",
    'name = "x"\ntrails = 3': "unknown key trails: did you mean 'trials'?",
    'name = "x"\n[cv]\nfold = 3': "unknown key cv.fold: did you mean 'folds'?",
    'name = "x"\n[cv]\nfolds = 1': "cv.folds = 1: must be at least 2",
    'name = "x"\n[cv]\nfolds = "5"': 'cv.folds = "5": must be a whole number',
    'name = "x"\n[cv]\nepochs = true': "cv.epochs = true: must be a whole number",
    'name = "x"\n[cv]\npatience = 0': "cv.patience = 0: must be at least 1",
    'name = "x"\n[cv]\nmin_delta = -0.1': "cv.min_delta = -0.1: must lie in 0 to",
    'name = "x"\n[cv]\nstop_share = 0.9': "cv.stop_share = 0.9: must lie in 0.01 to 0.5",
    'name = "x"\ncv = 5': "cv = 5: must be a table",
    'name = "x"\ntrials = 0': "trials = 0: must be at least 1",
    'name = "x"\nseed = -1': "seed = -1: must be at least 0",
    'name = "x"\nseed = 1.5': "seed = 1.5: must be a whole number",
    'name = "x"\n[search]\nwindow = 0': "search.window = 0: must be at least 1",
    'name = "x"\n[prune]\nmargin = -0.1': "prune.margin = -0.1: must lie in 0 to 1",
    'name = "x"\n[prune]\nmargin = 1.1': "prune.margin = 1.1: must lie in 0 to 1",
    'name = "x"\n[prune]\nkeep = 0': "prune.keep = 0: must lie above 0 and be at most 1",
    'name = "x"\n[prune]\nkeep = 1.5': "prune.keep = 1.5: must lie above 0 and be at most 1",
    'name = "x"\n[prune]\nrungs = 3': "prune.rungs = 3: must be a list of epochs like [3, 9]",
    'name = "x"\n[prune]\nrungs = [9, 3]': (
        "prune.rungs = [9, 3]: must be in ascending order, each epoch once"
    ),
    'name = "x"\n[prune]\nrungs = [0]': "prune.rungs = [0]: must be at least 1",
    'name = "x"\n[prune]\nstartup = 0': "prune.startup = 0: must be at least 1",
    'name = "x"\n[prune]\nenabled = 1': "prune.enabled = 1: must be true or false",
    'name = "x"\ndevice = "tpu"': "device = \"tpu\": must be 'cpu' or 'gpu'",
    'name = "x"\n[limits]\nfit_minutes = 0': "limits.fit_minutes = 0: must be a number of minutes above 0",
    'name = "x"\n[limits]\nfit_minute = 1': "unknown key limits.fit_minute: did you mean 'fit_minutes'?",
    'name = "x"\n[prune]\nmargins = 1': "unknown key prune.margins: did you mean 'margin'?",
    'name = "x"\n[cv]\nepochs = 9\n[prune]\nrungs = [3, 9]': (
        "prune.rungs: 9 must lie below cv.epochs = 9: after the last epoch no training is left to save"
    ),
    'name = "x"\ndataset = 3': "dataset = 3: must be a text in quotes",
    'name = "x"\n[dataset]\nsamples = 10': "dataset.source is missing",
    'name = "x"\n[dataset]\nsource = "d"\nimage_size = 32': "must be [height, width]",
    'name = "x"\n[dataset]\nsource = "d"\ncolour = "blue"': "must be 'grey' or 'rgb'",
    'name = "x"\n[architectures.resnte]': "unknown architecture 'resnte': did you mean 'resnet'?",
    'name = "x"\n[architectures]\nresnet = 3': "architectures.resnet must be a table",
    'name = "x"\n[architectures]': "architectures is empty",
    'name = "x"\n[architectures.mine]\nsource = "x"': 'must look like "file.py:Name"',
    'name = "x"\n[architectures.resnet]\ndropout = {low = 1.0, high = 0.1}': "low 1.0 is above high 0.1",
    'name = "x"\n[architectures.resnet]\nlearning_rate = {low = 0.1}': "has both low and high",
    'name = "x"\n[architectures.resnet]\nlearning_rate = {lo = 0.1, high = 1.0}': "mean 'log' or 'low'?",
    'name = "x"\n[architectures.resnet]\noptimizer = {choices = []}': "at least one value",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_in_one_line(text: str, tmp_path: Path) -> None:
    """The file, the key, what is wrong, what to write instead."""
    path = tmp_path / "sweep.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_sweep_file(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert WRONG[text] in message
    assert "\n" not in message


def test_a_missing_and_a_malformed_file_are_named(tmp_path: Path) -> None:
    """Each with what is the matter, TOML errors with their line."""
    with pytest.raises(UsageError, match="no such file"):
        read_sweep_file(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text('name = "x"\nseed = = 2\n')
    with pytest.raises(UsageError, match=r"not valid TOML: .*line 2"):
        read_sweep_file(broken)
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        read_sweep_file(broken)


RANGES = st.one_of(
    st.builds(lambda low, width: Float(low=low, high=low + width), st.floats(0.1, 1), st.floats(0, 1)),
    st.builds(lambda low, width: Integer(low=low, high=low + width), st.integers(1, 9), st.integers(0, 9)),
    st.lists(st.text("abc", min_size=1), min_size=1, max_size=3, unique=True).map(lambda v: Choice(tuple(v))),
    st.one_of(st.integers(0, 9), st.floats(0, 1), st.text("abc\"'\\é"), st.booleans()).map(Fixed),
)


@given(
    st.builds(
        SweepSpec,
        name=st.just("made"),
        seed=st.integers(0, 2**31 - 1),
        trials=st.integers(1, 99),
        dataset=st.builds(
            DatasetSource,
            source=st.text(min_size=1).filter(lambda t: t.strip() != ""),
            samples=st.none() | st.integers(4, 99),
            image_size=st.none() | st.tuples(st.integers(8, 64), st.integers(8, 64)),
            colour=st.none() | st.sampled_from(["grey", "rgb"]),
        ),
        experiment=st.none() | st.just("other"),
        architectures=st.dictionaries(
            st.sampled_from(["resnet", "vgg"]), st.dictionaries(st.sampled_from("xyz"), RANGES), min_size=1
        ).map(lambda d: tuple(ArchitectureChoice(name=n, ranges=r) for n, r in d.items())),
    )
)
def test_a_sweep_built_in_python_can_be_written_and_read(spec: SweepSpec) -> None:
    """The text that is recorded of it describes the same sweep."""
    assert parsed(sweep_text(spec)) == spec


def test_own_seeds_are_in_the_text_that_is_recorded() -> None:
    """Who continues the sweep means them too; where nothing is said, nothing is written."""
    mine = ArchitectureChoice(name="mine", source="m.py:Net", own_seeds="keep")
    other = ArchitectureChoice(name="other", source="m.py:Net")
    text = sweep_text(SweepSpec(name="x", architectures=[mine, other]))
    assert text.count("own_seeds") == 1
    assert [choice.own_seeds for choice in parsed(text).architectures] == ["keep", None]
