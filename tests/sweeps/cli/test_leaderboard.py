"""What stands below the leaderboard of ``run`` and ``show``."""

from dataclasses import replace

from sweeps.cli.tables import beginning_alike
from tests.made_up_records import begun_alike, make_sweep


def test_fits_that_began_with_the_same_weights_are_named() -> None:
    """By architecture, with the number of such trials; a single fit says nothing."""
    made = make_sweep()
    assert beginning_alike(made) == []
    trials = tuple(begun_alike(trial) if trial.architecture == "resnet" else trial for trial in made.trials)
    (line,) = beginning_alike(replace(made, trials=trials))
    assert line == (
        "resnet: in 2 trials all fits began with the same weights, though their seeds differ: its code sets "
        "seeds of its own, or loads weights"
    )
    single = tuple(replace(trial, folds=trial.folds[:1]) for trial in trials)
    assert beginning_alike(replace(made, trials=single)) == []
