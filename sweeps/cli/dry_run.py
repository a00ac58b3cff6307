"""The dry run: what a sweep would do. Trials are counted, never listed: there may be millions."""

from dataclasses import asdict
from typing import Any

from sweeps.definition.exam import exam_in_words
from sweeps.definition.prepare import Prepared
from trainer.fits.names import trial_name
from trainer.hyperparameters import Choice, Fixed, Float, Integer, Range
from trainer.quantities import counted


def report(prepared: Prepared) -> dict[str, Any]:
    """Return a sweep's trials, folds, fits and ranges as JSON data."""
    plan, dataset, record = prepared.plan, prepared.dataset, prepared.dataset_record
    fits = plan.trials * plan.cv.folds * len(plan.architectures)
    return {
        "sweep": prepared.spec.name,
        "dataset": {
            "name": dataset.name,
            "samples": len(dataset.labels),
            "input_shape": list(dataset.input_shape),
            "classes": len(dataset.classes),
            "groups": record.groups,
            "exam": None if record.exam is None else asdict(record.exam),
        },
        "exam": exam_in_words(record),
        "remarks": list(prepared.remarks),
        "trials_per_architecture": plan.trials,
        "folds": plan.cv.folds,
        "epochs": plan.cv.epochs,
        "fits": fits,
        "architectures": {a.name: {k: _words(r) for k, r in a.space.items()} for a in plan.architectures},
        "trials": {
            a.name: {"first": trial_name(a.name, 0), "last": trial_name(a.name, plan.trials - 1)}
            for a in plan.architectures
        },
        "starts": {a.name: list(map(dict, a.start)) for a in plan.architectures if a.start},
    }


def lines(report: dict[str, Any]) -> list[str]:
    """Return the report as lines to print."""
    data, trials, folds = report["dataset"], report["trials_per_architecture"], report["folds"]
    height, width, channels = data["input_shape"]
    images = counted(data["samples"], "image")
    classes = counted(data["classes"], "class", "classes")
    architectures = counted(len(report["architectures"]), "architecture")
    each = f"{counted(trials, 'trial')} x {counted(folds, 'fold')}"
    epochs = counted(report["epochs"], "epoch")
    said = [
        f"sweep {report['sweep']}: {images} {height}x{width}x{channels} of {data['name']}, {classes}",
        report["exam"],
        *report["remarks"],
        f"{architectures} x {each} = {counted(report['fits'], 'fit')} of at most {epochs}",
    ]
    for name, space in report["architectures"].items():
        which = " to ".join(dict.fromkeys(report["trials"][name].values()))
        said += ["", f"{which}, each on folds 0 to {folds - 1}: {counted(trials * folds, 'fit')}"]
        said += [f"  {hyperparameter:<16} {words}" for hyperparameter, words in space.items()]
        if starts := report["starts"].get(name):
            first = " to ".join(dict.fromkeys(trial_name(name, number) for number in (0, len(starts) - 1)))
            said.append(f"  {counted(len(starts), 'starting point')}: {first}")
    return said


def _words(choices: Range) -> str:
    match choices:
        case Float(low=low, high=high, log=log) | Integer(low=low, high=high, log=log):
            return f"{low:g} to {high:g}" + (" (log)" if log else "")
        case Choice(values=values):
            return ", ".join(map(str, values))
        case Fixed(value=value):
            return f"{value} (fixed)"
