"""Optuna's proposals: the one file that imports it (``optuna_study`` gets it from here).

Each proposal comes from a fresh sampler with a seed of its own and a study rebuilt from what was observed, so
it is a pure function of its arguments. No state survives a call, so nothing is saved or locked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

from trainer.hyperparameters import Choice, Fixed, Float, Hyperparameters, Integer, Range, Space, Value
from trainer.metrics.metric import Direction
from trainer.recipe.table import applicable

#: Number of significant digits that proposed numbers are rounded to. exp and log differ in the last bit
#: between processors, and a learning rate of 0.00123457 is as good as one with seventeen digits.
SIGNIFICANT_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Observation:
    """An ended trial: its hyperparameters and its score.

    ``pruned_at`` says how far a pruned trial came; its score is the score it had there. None if the trial was
    not pruned. TPE ranks a pruned trial below every complete one, and among pruned trials ranks those higher
    that came farther.
    """

    hyperparameters: Hyperparameters
    score: float
    pruned_at: int | None = None


def propose(
    space: Space,
    observed: Sequence[Observation],
    pending: Sequence[Hyperparameters],
    *,
    seed: int,
    startup: int,
    direction: Direction = "maximize",
    given: Hyperparameters | None = None,
) -> dict[str, Value]:
    """Propose hyperparameters by multivariate TPE.

    Source: Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (NeurIPS 2011), as Optuna has it.

    Args:
        space: the ranges to choose from.
        observed: ended trials in the order of their numbers.
        pending: hyperparameters of trials that are under way, in the order of their numbers.
        seed: the sampler's seed, in [0, 2**31).
        startup: number of trials that are drawn at random before TPE begins.
        direction: whether a higher or a lower score is better.
        given: values of a starting point; they replace those that are proposed, and change no others.

    Returns:
        A value for every name in ``space`` but those parts of the recipe that do nothing in this trial;
        numbers are rounded to six significant digits.
    """
    optuna = optuna_package()
    searched = distributions(space)
    chosen: dict[str, Value] = {name: r.value for name, r in space.items() if isinstance(r, Fixed)}
    if searched:
        study = optuna.create_study(
            direction=direction,
            sampler=optuna.samplers.TPESampler(
                seed=seed,
                n_startup_trials=startup,
                n_ei_candidates=24,
                multivariate=True,
                group=False,
                constant_liar=True,
            ),
        )
        for trial in observed:
            study.add_trial(_ended(trial, searched))
        for hyperparameters in pending:
            study.add_trial(_frozen(hyperparameters, searched, state=optuna.trial.TrialState.RUNNING))
        asked = study.ask(searched).params
        chosen |= {name: _rounded(asked[name], space[name]) for name in searched}
    chosen |= given or {}
    return applicable({name: chosen[name] for name in sorted(chosen)})


def _ended(trial: Observation, searched: Mapping[str, object]):  # type: ignore[no-untyped-def]
    states = optuna_package().trial.TrialState
    if trial.pruned_at is None:
        return _frozen(trial.hyperparameters, searched, state=states.COMPLETE, value=trial.score)
    reached = {trial.pruned_at: trial.score}
    return _frozen(trial.hyperparameters, searched, state=states.PRUNED, intermediate_values=reached)


def _frozen(hyperparameters: Hyperparameters, searched: Mapping[str, object], **more: object):  # type: ignore[no-untyped-def]
    # What did nothing in a trial is not among its hyperparameters.
    known = {name: kind for name, kind in searched.items() if name in hyperparameters}
    params = {name: hyperparameters[name] for name in known}
    return optuna_package().trial.create_trial(params=params, distributions=known, **more)


def distributions(space: Space) -> dict[str, object]:
    """Return the space as Optuna's distributions, sorted by name, without fixed values."""
    return {name: _distribution(r) for name, r in sorted(space.items()) if not isinstance(r, Fixed)}


def _distribution(choices: Range) -> object:
    kinds = optuna_package().distributions
    match choices:
        case Float(low=low, high=high, log=log):
            return kinds.FloatDistribution(low, high, log=log)
        case Integer(low=low, high=high, step=step, log=log):
            return kinds.IntDistribution(low, high, log=log, step=step)
        case Choice(values=values):
            return kinds.CategoricalDistribution(values)
        case Fixed():
            raise ValueError("a fixed value is not searched")


def _rounded(value: Value, choices: Range) -> Value:
    if not isinstance(choices, Float):
        return value
    rounded = float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return min(max(rounded, choices.low), choices.high)


@lru_cache(maxsize=1)
def optuna_package() -> ModuleType:
    """Import Optuna, quietly."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
