"""Starting points: what is searched may be given, everything else is refused in one line."""

import tomllib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.definition.architecture_choice import ArchitectureChoice
from sweeps.definition.plan import PlannedArchitecture
from sweeps.definition.prepare import prepare
from sweeps.definition.spec import SweepSpec
from sweeps.definition.starts import planned_starts, value_in
from sweeps.definition.sweep_file import parse_sweep, sweep_text
from sweeps.search.proposals import propose
from trainer.errors import UsageError
from trainer.hyperparameters import SHARED_SPACE, Choice, Fixed, Float, Hyperparameters, Integer, Space, Value

SPACE: Space = {
    **SHARED_SPACE,
    "batch_size": Fixed(64),
    "dropout": Float(low=0.0, high=0.6),
    "blocks": Integer(low=1, high=9, step=2),
    "pooled": Choice((True, False)),
}


def test_a_sweep_file_has_a_table_for_each_starting_point() -> None:
    """In order, beside the ranges; a text made of the sweep says the same."""
    spec = parse_sweep(
        tomllib.loads(
            """
            name = "x"
            [architectures.vgg]
            [architectures.resnet]
            batch_size = 64
            [[architectures.resnet.start]]
            learning_rate = 2e-3
            optimizer = "sgd"
            [[architectures.resnet.start]]
            dropout = 0
            """
        )
    )
    vgg, resnet = spec.architectures
    assert vgg.start == ()
    assert resnet.start == ({"learning_rate": 2e-3, "optimizer": "sgd"}, {"dropout": 0})
    assert resnet.ranges == {"batch_size": Fixed(64)}
    assert parse_sweep(tomllib.loads(sweep_text(spec))) == spec
    built = ArchitectureChoice(name="resnet", ranges=resnet.ranges, start=list(resnet.start))
    assert built == resnet


def test_a_hyperparameter_may_still_be_called_start() -> None:
    """A user's own may be: a range or a value is no list of tables."""
    text = 'name = "x"\n[architectures.mine]\nsource = "a.py:B"\nstart = '
    for written, read in (("3", Fixed(3)), ("{ low = 1, high = 3 }", Integer(low=1, high=3))):
        (mine,) = parse_sweep(tomllib.loads(text + written)).architectures
        assert (mine.ranges, mine.start) == ({"start": read}, ())


HEAD = 'name = "x"\ntrials = 2\n[architectures.resnet]\nbatch_size = 64\n'
START = "[[architectures.resnet.start]]\n"
PLACE = "architectures.resnet.start[0]"
WRONG = {
    f"{START}learning_rate = 3": f"{PLACE}.learning_rate = 3: must lie in 0.001 to 0.02, the range that",
    f"{START}learning_rat = 0.01": f"unknown hyperparameter {PLACE}.learning_rat: did you mean",
    f"{START}batch_size = 32": f"{PLACE}.batch_size = 32: it is fixed at 64: leave it out here, or give it",
    f"{START}batch_size = 64": f"{PLACE}: all that it gives is fixed: leave it out",
    f'{START}optimizer = "adamm"': f"{PLACE}.optimizer = \"adamm\": it is none of the choices: did you",
    f"{START}blocks = true": f"{PLACE}.blocks = true: it is none of the choices: there is: 1, 2",
    f'{START}dropout = "low"': f'{PLACE}.dropout = "low": must be a number',
    f"{START}dropout = nan": f"{PLACE}.dropout = nan: ",
    f"{START}dropout = {{ low = 0.1, high = 0.2 }}": "must be one value, not a range",
    f"{START}dropout = [0.1]": f"{PLACE}.dropout = [0.1]: a list is neither a range nor a number",
    f"{START}dropout = 0\n{START}dropout = 0.0\nbatch_size = 64": "start[1]: the same as start[0]: leave one",
    f"{START}dropout = 0.1\n{START}dropout = 0.2\n{START}dropout = 0.3": "start: 3 tables, and trials = 2",
    START: f"{PLACE}: it has no value: name at least one hyperparameter",
    "[architectures.resnet.start]\ndropout = 0.1": "write [[architectures.resnet.start]], with two brackets",
    "start = [3]": f"{PLACE} = 3: must be a table",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_cannot_be_tried_is_refused_in_one_line(text: str) -> None:
    """It names the table, the value and what is searched, before anything starts."""
    with pytest.raises(UsageError) as caught:
        prepare(parse_sweep(tomllib.loads(HEAD + text)), "")
    assert WRONG[text] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("start", ["adam", {"dropout": 0.1}, 3, [{1: 2}], [{"dropout": object()}]])
def test_what_only_python_can_get_wrong_is_one_line_too(start: Any) -> None:
    """Anything but a list of mappings from names to values."""
    with pytest.raises(UsageError, match=r"architectures\.resnet\.start") as caught:
        ArchitectureChoice(name="resnet", start=start)
    assert "\n" not in str(caught.value)


def test_values_are_planned_as_trials_have_them() -> None:
    """Sorted, reals as reals, without what is fixed anyway: equal starting points are recorded equally."""
    (planned,) = planned_starts("net", [{"optimizer": "sgd", "dropout": 0, "batch_size": 64.0}], SPACE)
    assert list(planned.items()) == [("dropout", 0.0), ("optimizer", "sgd")]
    assert isinstance(planned["dropout"], float)


@pytest.mark.parametrize(
    ("value", "words"), [(4, "in steps of 2"), (1.5, "whole"), (11, "1 to 9"), (True, "number")]
)
def test_whole_numbers_keep_to_their_steps(value: Value, words: str) -> None:
    """As the search does."""
    with pytest.raises(ValueError, match=words):
        value_in(SPACE["blocks"], value)


def test_true_is_not_one() -> None:
    """Though Python and Optuna take them for equal."""
    assert value_in(SPACE["pooled"], value=True) is True
    with pytest.raises(ValueError, match="none of the choices"):
        value_in(SPACE["pooled"], 1)


@given(
    taken=st.lists(st.tuples(st.integers(0, 2**31 - 1), st.sets(st.sampled_from(sorted(SPACE)))), max_size=4)
)
def test_whatever_is_proposed_may_be_given(taken: Sequence[tuple[int, set[str]]]) -> None:
    """Part of any proposal is a starting point; it is kept as it was, and can be proposed upon."""
    starts = []
    for seed, names in taken:
        proposed = propose(SPACE, [], [], seed=seed, startup=1)
        start = {name: proposed[name] for name in names - {"batch_size"}}
        if start and start not in starts:
            starts.append(start)
    planned = planned_starts("net", starts, SPACE)
    assert list(planned) == starts
    made = PlannedArchitecture(name="net", digest="d", space=SPACE, start=planned)
    for number, start in enumerate([*starts, {}]):
        usual = propose(SPACE, [], [], seed=number, startup=1)
        found = propose(SPACE, [], [], seed=number, startup=1, given=made.given(number))
        assert found == {**usual, **start}
        assert list(found) == sorted(SPACE)


def test_starting_points_are_part_of_a_sweep_s_identity() -> None:
    """Their values and their order; without any there is no such part."""
    one, two = {"dropout": 0.1}, {"dropout": 0.2}
    lists: list[list[Hyperparameters]] = [[], [one], [one, two], [two, one]]
    specs = [SweepSpec(name="x", architectures=[ArchitectureChoice(name="lenet", start=s)]) for s in lists]
    identities = [prepare(spec, "").plan.identity() for spec in specs]
    parts = [identity["architectures"]["lenet"] for identity in identities]
    assert "start" not in parts[0]
    assert [part.get("start") for part in parts[1:]] == [[one], [one, two], [two, one]]


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (
            {"loss": "cross-entropy", "focal_gamma": 1.0},
            'start[0].focal_gamma has no effect: it needs loss = "focal"',
        ),
        ({"focal_gamma": 1.0}, 'it needs loss = "focal" in the same table'),
    ],
)
def test_what_would_do_nothing_in_its_trial_is_refused(start: dict[str, Any], words: str) -> None:
    """Left out silently, the trial would not be the one that was asked for."""
    space: Space = {"loss": Choice(("cross-entropy", "focal")), "focal_gamma": Float(low=0.5, high=5.0)}
    with pytest.raises(UsageError) as refused:
        planned_starts("net", [start], space)
    assert words in str(refused.value)
    assert planned_starts("net", [{**start, "loss": "focal"}], space) == (
        {"focal_gamma": 1.0, "loss": "focal"},
    )
