"""The loop that people write by hand: ``python -m benchmarks.by_hand TASK.json TRIALS.json``.

Optuna's ``study.optimize`` around Keras' ``fit``, scikit-learn's folds and MLflow's nested runs, each as its
own documentation shows it. TensorFlow keeps its default threads. ``compare_speed`` runs it.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
import optuna

from benchmarks.keras_loop import cross_validate
from benchmarks.task import STARTUP, Data, Task, Trial, write_trials
from trainer.fits.seeds import derive
from trainer.hyperparameters import Choice, Fixed, Float, Integer, Range, Value


def suggest(trial: optuna.Trial, name: str, choices: Range) -> Value:
    """Ask Optuna for one hyperparameter."""
    match choices:
        case Float(low=low, high=high, log=log):
            return trial.suggest_float(name, low, high, log=log)
        case Integer(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case Choice(values=values):
            chosen: Any = trial.suggest_categorical(name, values)
            return chosen
        case Fixed(value=value):
            return value


def search(task: Task, data: Data, architecture: str) -> list[Trial]:
    """Run all trials of one architecture: TPE's, or the given ones."""
    done: list[Trial] = []

    def objective(trial: optuna.Trial) -> float:
        values = {
            name: suggest(trial, name, choices) for name, choices in sorted(task.space(architecture).items())
        }
        with mlflow.start_run(nested=True, run_name=f"{architecture}-{trial.number}"):
            mlflow.log_params({"architecture": architecture, **values})
            f1, epochs = cross_validate(task, data, architecture, values, mlflow.log_metrics)
            mlflow.log_metric("f1", f1 or 0.0)
        done.append(
            Trial(
                architecture=architecture,
                number=trial.number,
                hyperparameters=values,
                epochs=epochs,
                f1=f1,
            )
        )
        return f1 or 0.0

    sampler = optuna.samplers.TPESampler(
        seed=derive(task.seed, "search", architecture), n_startup_trials=STARTUP, multivariate=True
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for trial in task.given_trials(architecture):
        study.enqueue_trial(dict(trial.hyperparameters))
    study.optimize(objective, n_trials=len(task.given_trials(architecture)) or task.trials)
    return done


def main() -> None:
    """Run the task and write what was done."""
    task, out = Task.read(Path(sys.argv[1])), Path(sys.argv[2])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    data = Data.of(task)
    with tempfile.TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment("by-hand")
        with mlflow.start_run(run_name="sweep"):
            trials = [trial for name in task.architectures for trial in search(task, data, name)]
    write_trials(trials, out)


if __name__ == "__main__":
    main()
