"""A trial's out-of-fold predictions, each joined with its image in the dataset."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tracking.records import FoldRecord, TrialRecord
from trainer.datasets import Dataset
from trainer.fits.split import Split

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfFold:
    """The out-of-fold predictions of a trial: arrays of one length, in (repeat, fold, image) order.

    Attributes:
        repeat: which cross-validation, from 0.
        fold: the fold in which the image was held out.
        image: its index in the dataset.
        true: the image's class.
        predicted: the predicted class.
        confidence: the probability of the predicted class, in [0, 1].
        probabilities: of all classes, ``[n, classes]`` float32; None if the predictions come from a record
            that has only the probabilities' digest.
        paths: names of all images of the dataset, by index; empty if they have none.
        groups: the numbers of the images' groups; None if every image is by itself.
    """

    repeat: Indices
    fold: Indices
    image: Indices
    true: Indices
    predicted: Indices
    confidence: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.float32] | None = None
    paths: tuple[str, ...] = ()
    groups: npt.NDArray[np.int32] | None = None

    def mistakes(self) -> Indices:
        """Return the positions of wrong predictions, the most confident first."""
        wrong = np.flatnonzero(self.true != self.predicted)
        order: Indices = wrong[np.argsort(-self.confidence[wrong], kind="stable")]
        return order

    def name(self, position: int) -> str:
        """Return what the image of a prediction is called: its path, or its place in the search."""
        image = int(self.image[position])
        return self.paths[image] if self.paths else str(image)

    def table(self, classes: tuple[str, ...]) -> str:
        """Return the predictions as JSON, in the form that ``mlflow.load_table`` and MLflow's pages read."""
        columns = self.columns(classes)
        return json.dumps({"columns": list(columns), "data": list(zip(*columns.values(), strict=True))})

    def columns(self, classes: tuple[str, ...]) -> dict[str, list[Any]]:
        """Return the predictions column by column, with the names of classes and of files.

        Mistakes come first, the most confident at the top; then the right predictions in the arrays' order.
        """
        wrong = self.mistakes()
        order = np.concatenate([wrong, np.flatnonzero(self.true == self.predicted)])
        names = np.array(classes, dtype=object)
        columns: dict[str, npt.NDArray[Any]] = {
            "image": self.image,
            **({"path": np.array(self.paths, dtype=object)[self.image]} if self.paths else {}),
            "true": names[self.true],
            "predicted": names[self.predicted],
            "confidence": np.round(self.confidence, 4),
            "correct": self.true == self.predicted,
            "fold": self.fold,
        }
        if self.repeat.any():
            columns["repeat"] = self.repeat
        return {name: column[order].tolist() for name, column in columns.items()}


class HeldOut:
    """A dataset, with the images that are held out in each fold."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def of(self, trial: TrialRecord) -> OutOfFold | None:
        """Return the trial's predictions joined with the images; None if it has none that fit the dataset."""
        scored = [(fold, part) for fold in trial.folds if (part := self._part(fold)) is not None]
        if not scored:
            return None
        joined = [np.concatenate(arrays) for arrays in zip(*(part for _, part in scored), strict=True)]
        kept = [fold.run.result.class_probabilities() for fold, _ in scored]
        whole = all(len(rows) == len(part[0]) for rows, (_, part) in zip(kept, scored, strict=True))
        repeat, fold, image, predicted, confidence = joined
        groups = self.dataset.groups
        return OutOfFold(
            repeat=repeat, fold=fold, image=image, true=self.dataset.labels[image].astype(np.int64),
            predicted=predicted, confidence=confidence, paths=self.dataset.paths,
            probabilities=np.concatenate(kept) if whole else None,
            groups=None if groups is None else groups[image],
        )  # fmt: skip

    def lacks(self, record: FoldRecord) -> bool:
        """Whether the record lacks the predictions of a fold's held-out images."""
        return record.run.result.state == "complete" and self._part(record) is None

    def _part(self, record: FoldRecord) -> tuple[npt.NDArray[Any], ...] | None:
        """Return a fold's repeat, fold, images, predicted classes and confidences."""
        spec, result = record.spec, record.run.result
        predicted, confidence = result.predicted_classes(), result.predicted_confidences()
        if spec.fold is None or not len(predicted):
            return None
        image = Split.of_fit(spec, self.dataset).held_out(spec.fold)
        if not len(image) == len(predicted) == len(confidence):
            return None
        return np.full_like(image, spec.repeat), np.full_like(image, spec.fold), image, predicted, confidence
