"""Takes the best model home: makes it, writes it in every format asked for, and proves each file.

Everything is prepared in a folder of the home, which the ledger's lock keeps to one export at a time: what a
killed one left there goes when the next one begins. The model's own folder appears when it is complete.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sweeps import evidence, model_card, proving, publishing
from sweeps.evidence import Evidence
from sweeps.order import Order
from sweeps.proving import Probabilities
from sweeps.registering import register
from sweeps.remaking import Member, check_code, remake
from trainer.errors import Mismatch, UsageError
from trainer.formats import FORMATS, require

#: The folder in the home in which exports are prepared.
WORK = "export.partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A model that was exported.

    Attributes:
        folder: holds its files, ``model.json`` and ``README.md``.
        about: what ``model.json`` says.
    """

    folder: Path
    about: Mapping[str, Any]


def export(order: Order) -> Exported:
    """Make a model, write it and prove what was written. Whoever calls it holds the ledger's lock.

    Raises:
        UsageError: if the model cannot be exported like that; nothing was written.
        Mismatch: if what was trained again is not what was recorded, or a file not what was trained; nothing
            is left under the final name.
        ViewUnavailable: if MLflow cannot take the model.
    """
    for name in order.formats:
        require(name)
    publishing.check_target(order.target, order.choice.key, force=order.force)
    if not order.dataset.exists():
        raise UsageError(f"the stored dataset {order.dataset} is gone: run the sweep again to store it")
    check_code(order.entry, order.choice)
    with _working(order.home) as work:
        images = evidence.gather(order.record, order.entry, order.choice, order.dataset)
        _rehearse(order, work, images)
        if order.view is not None:  # whether MLflow can take it is to be known before anything is trained
            order.view.write(order.record)
        np.save(work / "images.npy", images.images)
        members = remake(order, work)
        _check_earlier(order, members)
        return _written(order, work, images, members)


@contextmanager
def _working(home: Path) -> Iterator[Path]:
    """Give an empty folder that goes away afterwards."""
    work = home / WORK
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        yield work
    except OSError as error:
        raise UsageError(
            f"{error.filename or work} cannot be written ({error.strerror or error}): make room, or choose "
            "another folder with --home"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _rehearse(order: Order, work: Path, images: Evidence) -> None:
    """Write the model untrained: what cannot be held, or has no room, is known before training."""
    draft = work / "rehearsal"
    draft.mkdir()
    _convert(order, [], draft, work)
    files = publishing.size(draft)
    shutil.rmtree(draft)
    # Here the weights of each member, the files and MLflow's copy; there the files.
    publishing.check_room(work, (2 + len(order.choice.specs)) * files + images.images.nbytes)
    publishing.check_room(order.target, files)


def _written(order: Order, work: Path, images: Evidence, members: Sequence[Member]) -> Exported:
    """Convert, prove, publish."""
    model = work / "model"
    model.mkdir()
    order.say(f"writing {', '.join(FORMATS[name].title for name in order.formats)} ...")
    _convert(order, members, model, work)
    trained = _mean([np.load(member.probabilities) for member in members])
    about = model_card.describe(order, members, images, trained)
    registered = None
    for name in order.formats:  # MLflow comes last: it is the only one that others see at once
        order.say(f"loading {FORMATS[name].title} in a fresh process ...")
        if name == "mlflow":
            registered, about["formats"][name] = register(order, work, model, images, trained, about)
        else:
            about["formats"][name] = _proven(name, model, work, trained)
    try:
        _unneeded_keras(order, model)
        publishing.carry_over(order.target, model, about, force=order.force)
        text = model_card.to_json(about)
        (model / publishing.ABOUT).write_text(text, encoding="utf-8")
        (model / publishing.CARD).write_text(model_card.card(about), encoding="utf-8")
        publishing.publish(model, order.target)
    except BaseException:
        if registered is not None and order.view is not None:
            order.view.withdraw(registered)
        raise
    if registered is not None and order.view is not None:
        order.view.crown(registered)
    return Exported(folder=order.target, about=json.loads(text))


def _mean(probabilities: Sequence[Probabilities]) -> Probabilities:
    """Return the mean over models of their probabilities; a single model's stay as they are."""
    return np.asarray(np.mean(np.stack(probabilities), axis=0, dtype=np.float64), dtype=np.float32)


def _convert(order: Order, members: Sequence[Member], folder: Path, work: Path) -> None:
    """Have the model written in all formats.

    Raises:
        UsageError: if a format cannot hold it, or the disk.
        Mismatch: if the weights that were kept are not those that were trained.
    """
    request = {
        "architecture": order.choice.trial.architecture,
        "source": None if order.source is None else order.source.to_json(),
        "hyperparameters": dict(order.choice.trial.hyperparameters),
        "dataset": str(order.dataset),
        "members": [
            {"weights": str(member.weights), "sha256": member.run.result.weights_sha256} for member in members
        ],
        "count": len(order.choice.specs),
        "formats": list(order.formats),
        "folder": str(folder),
    }
    (work / "request.json").write_text(json.dumps(request), encoding="utf-8")
    answer = json.loads(proving.run("trainer.converting", [str(work / "request.json")], work))
    if "refused" in answer:
        raise UsageError(f"{answer['refused']}; choose other formats with --format")
    if "unwritable" in answer:
        raise UsageError(f"{answer['unwritable']}; make room, or choose another folder with --home")
    if "mismatch" in answer:
        raise Mismatch(answer["mismatch"])


def _proven(name: str, model: Path, work: Path, trained: Probabilities) -> dict[str, Any]:
    """Compare a format's file with the trained model; return what ``model.json`` says of it."""
    file = model / str(FORMATS[name].file)
    loaded, report = proving.score(name, file, work / "images.npy", work)
    parity = proving.compare(name, trained, loaded, report["ms_per_image"])
    return {"file": file.name, "bytes": publishing.size(file), **asdict(parity)}


def _unneeded_keras(order: Order, model: Path) -> None:
    """Take away the Keras file that was only written for MLflow."""
    if "keras" not in order.formats:
        (model / str(FORMATS["keras"].file)).unlink(missing_ok=True)


def _check_earlier(order: Order, members: Sequence[Member]) -> None:
    """Compare with what the same fits gave in earlier exports: a refit has no other record.

    Raises:
        Mismatch: if they gave other weights.
    """
    recorded = {
        fit["key"]: fit["weights_sha256"] for earlier in order.earlier for fit in earlier.get("fits", [])
    }
    for member in members:
        now = member.run.result
        if recorded.get(now.key, now.weights_sha256) != now.weights_sha256 and not order.force:
            raise Mismatch(
                f"an earlier export trained the same fit to other weights ({recorded[now.key][:16]} then, "
                f"{now.weights_sha256[:16]} now): 'refold doctor' looks for the cause; nothing was exported"
            )
