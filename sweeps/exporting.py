"""Takes the best model home: refits it on all training data, and proves that the file is that model."""

import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tracking.ledger import SweepEntry
from tracking.records import SweepRecord, TrialRecord
from trainer.datasets import Dataset, DatasetSource, load, load_test
from trainer.environment import environment, platform_of
from trainer.errors import Mismatch, UsageError
from trainer.metrics import accuracy, confusion_matrix, macro_f1
from trainer.runtime import training_environment
from trainer.seeds import Seeds
from trainer.specs import FitSpec

#: A reloaded model may differ by so much in a probability: another kernel choice, not another model.
TOLERANCE = 1e-5

#: File systems take names of 255 bytes; the ending and some room for a download's "(1)" are kept free.
LONGEST_NAME = 200

#: Where there is no official test set, so many training images show that the file is the trained model.
PARITY_IMAGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A model that was exported, and its card: how it was made and how it scored."""

    model: Path
    card_file: Path
    card: Mapping[str, Any]


def pick(record: SweepRecord, architecture: str | None) -> TrialRecord:
    """Return the best complete trial, of one architecture if it is named.

    Raises:
        UsageError: if there is none.
    """
    if architecture is not None and architecture not in record.architectures:
        known = ", ".join(record.architectures)
        raise UsageError(f"the sweep {record.name!r} has no architecture {architecture!r}; it has: {known}")
    for trial in record.ranking:
        if architecture in (None, trial.architecture):
            return trial
    which = f"of {architecture} " if architecture else ""
    raise UsageError(f"no trial {which}in the sweep {record.name!r} is complete yet: run it to its end first")


def refit_spec(record: SweepRecord, trial: TrialRecord) -> FitSpec:
    """Return the fit that trains the trial's hyperparameters on everything, without a stop set.

    It lasts the median of the folds' best epochs (rounded up where that falls between two).
    """
    fold = trial.folds[0].spec
    best = [record_.run.result.best_epoch for record_ in trial.folds]
    return FitSpec(
        dataset=fold.dataset,
        architecture=fold.architecture,
        architecture_digest=fold.architecture_digest,
        hyperparameters=fold.hyperparameters,
        folds=fold.folds,
        repeat=0,
        fold=None,
        seeds=Seeds.of_fit(record.seed, trial=trial.number, repeat=0, fold="refit"),
        epochs=-int(-statistics.median(best) // 1),
        stopping=None,
        platform=platform_of(environment()),
    )


def model_name(record: SweepRecord, trial: TrialRecord) -> str:
    """Return ``<sweep>-<architecture>-f1_<score>-<hyperparameters>``, safe on any file system."""
    values = "-".join(
        f"{name}_{value:.4g}" if isinstance(value, float) else f"{name}_{value}"
        for name, value in sorted(trial.hyperparameters.items())
    )
    name = f"{record.name}-{trial.architecture}-f1_{trial.f1:.4f}-{values}"
    return re.sub(r"[^A-Za-z0-9._+-]", "_", name)[:LONGEST_NAME].rstrip("-_.")


def export(
    record: SweepRecord,
    entry: SweepEntry,
    *,
    home: Path,
    out: Path,
    architecture: str | None = None,
    force: bool = False,
    say: Callable[[str], None] = lambda _text: None,
) -> Exported:
    """Refit the best trial on all training data, save it as ``.keras`` and check the file.

    Args:
        record: the sweep.
        entry: what the ledger keeps beside it.
        home: where the dataset is stored.
        out: folder that takes the model and its card.
        architecture: export this one's best trial; the best of all if None.
        force: replace a file of the same name.
        say: told what is being done, once nothing is wrong with the input.

    Raises:
        UsageError: if there is nothing to export, or a file of that name is there.
        Mismatch: if the reloaded file is not the trained model; no file is left under the final name.
    """
    trial = pick(record, architecture)
    name = model_name(record, trial)
    model, card_file = out / f"{name}.keras", out / f"{name}.json"
    if model.exists() and not force:
        raise UsageError(f"{model} exists: add --force to replace it, or choose another folder with --out")
    spec = refit_spec(record, trial)
    dataset = _stored(home, record)
    test = _official_test_set(record, entry)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out, prefix=".export-") as folder:
            work = Path(folder)
            images = test.images if test else np.load(dataset / "images.npy", mmap_mode="r")[:PARITY_IMAGES]
            np.save(work / "images.npy", images)
            say("training on all the data, then loading the file in a new process to compare ...")
            report = _refit(spec, dataset, entry.details["sources"].get(trial.architecture), work)
            probabilities, apart = _reloaded(work)
            card = _card(record, trial, spec, report, probabilities, apart, test)
            (work / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
            (work / "card.json").replace(card_file)
            (work / "model.keras").replace(model)
    except OSError as error:
        raise UsageError(
            f"{out} cannot take the model ({error.strerror}): choose another with --out"
        ) from error
    return Exported(model=model, card_file=card_file, card=card)


def _stored(home: Path, record: SweepRecord) -> Path:
    folder = home / "datasets" / record.dataset.fingerprint
    if not folder.exists():
        raise UsageError(f"the stored dataset {folder} is gone: run the sweep again to store it")
    return folder


def _official_test_set(record: SweepRecord, entry: SweepEntry) -> Dataset | None:
    """Open the official test set, if there is one and it still belongs to what was trained on."""
    source = DatasetSource.from_json(entry.details["dataset"])
    base = Path(entry.details["folder"])
    test = load_test(source, base=base)
    if test is not None and load(source, base=base).fingerprint != record.dataset.fingerprint:
        raise UsageError(
            f"the dataset {source.source} has changed since the sweep {record.name!r}, and its test set may "
            "have too: bring back the former, or run the sweep again under another name"
        )
    return test


def _refit(spec: FitSpec, dataset: Path, source: Any, work: Path) -> dict[str, Any]:
    request = {
        "spec": spec.to_json(),
        "dataset": str(dataset),
        "source": source,
        "model": str(work / "model.keras"),
        "images": str(work / "images.npy"),
        "probabilities": str(work / "trained.npy"),
    }
    done = _process("trainer.refit", [], json.dumps(request))
    report: dict[str, Any] = json.loads(done)
    if report["state"] != "complete":
        raise Mismatch(f"the refit failed where the folds did not: {report['reason']}")
    return report


def _reloaded(work: Path) -> tuple[npt.NDArray[np.float32], float]:
    """Load the file in a new process; return its probabilities and their distance to the trained model's."""
    _process("trainer.reload", [str(work / n) for n in ("model.keras", "images.npy", "reloaded.npy")], "")
    trained, reloaded = np.load(work / "trained.npy"), np.load(work / "reloaded.npy")
    apart = float(np.abs(trained - reloaded).max())
    if not apart <= TOLERANCE:
        raise Mismatch(
            f"the model that was loaded from the file differs from the trained one by {apart:.2g} in a "
            f"probability (at most {TOLERANCE:g} is allowed): nothing was exported"
        )
    return reloaded, apart


def _process(module: str, arguments: list[str], text: str) -> str:
    """Run a module in a new training process and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=text,
        capture_output=True,
        text=True,
        env=training_environment(),
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise Mismatch(f"{module} ended with code {done.returncode}: {last[0]}")
    return done.stdout


def _card(
    record: SweepRecord,
    trial: TrialRecord,
    spec: FitSpec,
    report: Mapping[str, Any],
    probabilities: npt.NDArray[np.float32],
    apart: float,
    test: Dataset | None,
) -> dict[str, Any]:
    """Return what whoever takes the model has to know about it, as JSON data."""
    card: dict[str, Any] = {
        "sweep": record.name,
        "architecture": trial.architecture,
        "trial": trial.number,
        "how": "refit",
        "hyperparameters": dict(trial.hyperparameters),
        "cross_validation": {"f1": trial.f1, "f1_mean": trial.f1_mean, "f1_std": trial.f1_std},
        "epochs": spec.epochs,
        "best_epochs": [fold.run.result.best_epoch for fold in trial.folds],
        "spec": spec.to_json(),
        "classes": list(record.dataset.classes),
        "input_shape": list(record.dataset.input_shape),
        "pixel_max": record.dataset.pixel_max,
        "dataset": {"name": record.dataset.name, "fingerprint": record.dataset.fingerprint},
        "initial_weights_sha256": report["initial_weights_sha256"],
        "weights_sha256": report["weights_sha256"],
        "environment": dict(record.environment),
        "reloaded": {"images": len(probabilities), "largest_difference": apart},
        "test": None,
    }
    if test is not None:
        predicted = probabilities.argmax(axis=1)
        confusion = confusion_matrix(test.labels, predicted, classes=len(test.classes))
        card["test"] = {
            "images": len(test.labels),
            "fingerprint": test.fingerprint,
            "f1": macro_f1(confusion),
            "accuracy": accuracy(confusion),
            "confusion": confusion,
        }
    return card
