"""The same with Ray Tune: ``python -m benchmarks.with_ray_tune TASK.json TRIALS.json``.

``OptunaSearch`` over a function that cross-validates, a core for each trial and as many trials at a time as
there are cores; MLflow by Ray's ``setup_mlflow``. TensorFlow's threads are as Ray leaves them.
``compare_speed`` runs it.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
import optuna
import ray
from ray import tune
from ray.air.integrations.mlflow import setup_mlflow
from ray.tune.search.optuna import OptunaSearch

from benchmarks.task import STARTUP, Data, Task, Trial, write_trials
from trainer.fits.seeds import derive
from trainer.hyperparameters import Choice, Fixed, Float, Integer, Range


def domain(choices: Range) -> Any:
    """Declare one range of refold's to Ray."""
    match choices:
        case Float(low=low, high=high, log=log):
            return tune.loguniform(low, high) if log else tune.uniform(low, high)
        case Integer(low=low, high=high, step=step, log=log):
            # Ray leaves out the upper bound of whole numbers, but for quantised ones.
            return tune.lograndint(low, high + 1) if log else tune.qrandint(low, high, step)
        case Choice(values=values):
            return tune.choice(list(values))
        case Fixed(value=value):
            return value


def objective(
    config: dict[str, Any], *, task: Task, data: Data, architecture: str, tracking: dict[str, str]
) -> None:
    """Cross-validate one set of hyperparameters in a process of Ray's."""
    from benchmarks.keras_loop import cross_validate  # imports TensorFlow: the driver does without

    run = setup_mlflow(
        {"architecture": architecture, **config},
        tracking_uri=tracking["uri"],
        experiment_name=tracking["experiment"],
        tags={"mlflow.parentRunId": tracking["parent"]},
    )
    f1, epochs = cross_validate(task, data, architecture, config, run.log_metrics)
    run.log_metric("f1", f1 or 0.0)
    run.end_run()
    tune.report({"f1": f1 or 0.0, "complete": f1 is not None, "epochs": list(epochs)})


def search(task: Task, data: Data, architecture: str, folder: str, tracking: dict[str, str]) -> list[Trial]:
    """Run all trials of one architecture: TPE's, or the given ones.

    Raises:
        RuntimeError: if one of them ended with an exception.
    """
    given = task.given_trials(architecture)
    sampler = optuna.samplers.TPESampler(
        seed=derive(task.seed, "search", architecture), n_startup_trials=STARTUP, multivariate=True
    )
    points = [dict(trial.hyperparameters) for trial in given] or None
    run_one = tune.with_parameters(
        objective, task=task, data=data, architecture=architecture, tracking=tracking
    )
    tuner = tune.Tuner(
        tune.with_resources(run_one, {"cpu": 1}),
        param_space={name: domain(choices) for name, choices in sorted(task.space(architecture).items())},
        tune_config=tune.TuneConfig(
            metric="f1",
            mode="max",
            search_alg=OptunaSearch(sampler=sampler, points_to_evaluate=points),
            num_samples=len(given) or task.trials,
        ),
        run_config=tune.RunConfig(name=architecture, storage_path=folder, verbose=0),
    )
    results = tuner.fit()
    if results.errors:
        raise RuntimeError(f"{architecture}: {results.errors[0]}")
    return [
        Trial(
            architecture=architecture,
            number=number,
            hyperparameters=dict(result.config),
            epochs=tuple(result.metrics["epochs"]),
            f1=result.metrics["f1"] if result.metrics["complete"] else None,
        )
        for number, result in enumerate(results)
    ]


def main() -> None:
    """Run the task and write what was done."""
    task, out = Task.read(Path(sys.argv[1])), Path(sys.argv[2])
    data = Data.of(task)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        cores = len(os.sched_getaffinity(0))
        ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False, _temp_dir=f"{folder}/ray")
        tracking = {"uri": f"sqlite:///{folder}/mlflow.db", "experiment": "ray-tune"}
        mlflow.set_tracking_uri(tracking["uri"])
        mlflow.set_experiment(tracking["experiment"])
        with mlflow.start_run(run_name="sweep") as parent:
            tracking["parent"] = parent.info.run_id
            trials = [
                trial for name in task.architectures for trial in search(task, data, name, folder, tracking)
            ]
        ray.shutdown()
    write_trials(trials, out)


if __name__ == "__main__":
    main()
