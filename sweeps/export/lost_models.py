"""Exported models that MLflow has lost with its database: found by their digest, and registered again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.export.about import ModelAbout
from sweeps.export.mlflow_model import WEIGHTS, register_again
from sweeps.export.model_folder import size_of
from tracking.records import SweepRecord

if TYPE_CHECKING:
    from tracking.mlflow.view import MlflowView

#: The file that MLflow adds to a model's folder when it loads the model by its registered name.
ADDED = "registered_model_meta"


def restore(
    record: SweepRecord,
    cards: Sequence[Mapping[str, Any]],
    folders: Sequence[Path],
    view: "MlflowView",
    say: Callable[[str], None],
) -> None:
    """Register the sweep's exported models again that MLflow does not have any more, oldest first.

    The last one is the champion, as after the exports.

    Args:
        record: the sweep; MLflow has its runs.
        cards: of its exports, from the ledger, oldest first.
        folders: where MLflow's files of this home are or were.
        view: the view of the sweep's record.
        say: called with a line for each model.

    Raises:
        ViewUnavailable: if MLflow cannot be written to.
    """
    exported = [about for about in map(_about, cards) if about is not None and "mlflow" in about.formats]
    if not exported:
        return
    there = {tags.get(WEIGHTS) for tags in view.model_versions(record)}
    for about in exported:
        if about.weights_sha256 in there:
            continue
        there.add(about.weights_sha256)
        folder = _files_of(about, folders)
        if folder is not None:
            registered = register_again(record, about, folder, view)
            say(f"registered again in MLflow: {registered.uri}")
        else:
            was = about.formats["mlflow"].where
            say(
                f"the files of {was} are gone: 'refold export {record.name} --format mlflow' makes them again"
            )


def _about(card: Mapping[str, Any]) -> ModelAbout | None:
    """Return what a card says; None for one that is damaged."""
    try:
        return ModelAbout.from_json(card)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _files_of(about: ModelAbout, folders: Sequence[Path]) -> Path | None:
    """Return the folder of a model's files, if it is as large as the export wrote it."""
    for folder in _models(folders):
        described = (folder / "MLmodel").read_text(encoding="utf-8", errors="replace")
        written, added = size_of(folder), folder / ADDED
        if added.is_file():
            written -= size_of(added)
        if about.weights_sha256 in described and written == about.formats["mlflow"].bytes:
            return folder
    return None


def _models(folders: Sequence[Path]) -> Iterator[Path]:
    """Yield the folders of MLflow's models: experiment / "models" / model / "artifacts"."""
    for folder in folders:
        for description in sorted(folder.glob("*/models/*/artifacts/MLmodel")):
            yield description.parent
