"""The same with KerasTuner: ``python -m benchmarks.with_keras_tuner TASK.json TRIALS.json``.

A ``Tuner`` with its own ``run_trial``, as KerasTuner's guide recommends for cross-validation, and the oracle
of its Bayesian optimisation; MLflow's nested runs as in ``by_hand``. ``compare_speed`` runs it.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras_tuner
import mlflow
from keras_tuner.engine.trial import TrialStatus

from benchmarks.keras_loop import cross_validate
from benchmarks.task import STARTUP, Data, Task, Trial, write_trials
from trainer.fits.seeds import derive
from trainer.hyperparameters import Choice, Fixed, Float, Integer, Space

OBJECTIVE = keras_tuner.Objective("f1", "max")


def search_space(space: Space) -> keras_tuner.HyperParameters:
    """Declare refold's space."""
    declared = keras_tuner.HyperParameters()
    for name, choices in sorted(space.items()):
        match choices:
            case Float(low=low, high=high, log=log):
                declared.Float(name, low, high, sampling="log" if log else "linear")
            case Integer(low=low, high=high, step=step, log=log):
                declared.Int(name, low, high, **({"sampling": "log"} if log else {"step": step}))
            case Choice(values=values):
                declared.Choice(name, list(values))
            case Fixed(value=value):
                declared.Fixed(name, value)
    return declared


class GivenOracle(keras_tuner.Oracle):
    """Hands out the given trials one after the other."""

    def __init__(self, given: Sequence[Trial], **more: Any) -> None:
        super().__init__(objective=OBJECTIVE, max_trials=len(given), **more)
        self._given = given

    def populate_space(self, trial_id: str) -> dict[str, Any]:  # noqa: ARG002
        """Return the hyperparameters of the next trial."""
        return {
            "status": TrialStatus.RUNNING,
            "values": dict(self._given[len(self.start_order)].hyperparameters),
        }


class CrossValidatingTuner(keras_tuner.Tuner):
    """Scores a trial by cross-validation."""

    def __init__(self, task: Task, data: Data, architecture: str, **more: Any) -> None:
        self._task, self._data, self._architecture = task, data, architecture
        self.done: list[Trial] = []
        super().__init__(**more)

    def run_trial(self, trial: Any, *_args: Any, **_more: Any) -> dict[str, float]:
        """Cross-validate the trial's hyperparameters."""
        number, values = len(self.done), dict(trial.hyperparameters.values)
        with mlflow.start_run(nested=True, run_name=f"{self._architecture}-{number}"):
            mlflow.log_params({"architecture": self._architecture, **values})
            f1, epochs = cross_validate(
                self._task, self._data, self._architecture, values, mlflow.log_metrics
            )
            mlflow.log_metric("f1", f1 or 0.0)
        self.done.append(
            Trial(
                architecture=self._architecture, number=number, hyperparameters=values, epochs=epochs, f1=f1
            )
        )
        return {"f1": f1 or 0.0}


def search(task: Task, data: Data, architecture: str, folder: str) -> list[Trial]:
    """Run all trials of one architecture: the oracle's, or the given ones."""
    declared = {"hyperparameters": search_space(task.space(architecture)), "tune_new_entries": False}
    oracle: keras_tuner.Oracle
    if task.given is None:
        oracle = keras_tuner.oracles.BayesianOptimizationOracle(
            objective=OBJECTIVE,
            max_trials=task.trials,
            num_initial_points=STARTUP,
            seed=derive(task.seed, "search", architecture),
            **declared,
        )
    else:
        oracle = GivenOracle(task.given_trials(architecture), **declared)
    tuner = CrossValidatingTuner(
        task, data, architecture, oracle=oracle, directory=folder, project_name=architecture
    )
    tuner.search(verbose=0)
    return tuner.done


def main() -> None:
    """Run the task and write what was done."""
    task, out = Task.read(Path(sys.argv[1])), Path(sys.argv[2])
    data = Data.of(task)
    with tempfile.TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment("keras-tuner")
        with mlflow.start_run(run_name="sweep"):
            trials = [trial for name in task.architectures for trial in search(task, data, name, folder)]
    write_trials(trials, out)


if __name__ == "__main__":
    main()
