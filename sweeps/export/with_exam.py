"""A model that is trained on the exam too: more images, and none left that it has not seen."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sweeps.export.selection import ModelSelection, choose
from tracking.records import SweepRecord, TrialRecord
from trainer.datasets import Dataset
from trainer.errors import UsageError
from trainer.escaping import for_shell


def joined(search: Dataset, exam: Dataset) -> Dataset:
    """Return the images of the search, then those of the exam, as one dataset in memory.

    It has no groups and no folds: a refit holds nothing out.

    Raises:
        UsageError: if their images are not of one kind.
    """
    if search.input_shape != exam.input_shape or search.images.dtype != exam.images.dtype:
        raise UsageError("the exam's images are not of the same kind as those of the search")
    return Dataset(
        name=search.name,
        images=np.concatenate([search.images, exam.images]),
        labels=np.concatenate([search.labels, exam.labels]),
        classes=search.classes,
        pixel_max=search.pixel_max,
    )


def choose_with_exam(record: SweepRecord, trial: TrialRecord, data: Dataset) -> ModelSelection:
    """Return the refit of a trial on all images: its hyperparameters, its first refit's seeds and epochs.

    Args:
        record: the sweep.
        trial: a complete trial of the sweep.
        data: the images of search and exam; see ``joined``.

    Raises:
        UsageError: if the refit on the images of the search alone was not scored on the exam: nothing would
            be known of this one.
    """
    smaller = choose(record, trial, "refit")
    if smaller.twin is None or smaller.twin.run.result.state != "complete":
        raise UsageError(
            f"--include-exam: no image will be left to score the model of {trial.name} on, and its refit on "
            "the images of the search alone was not scored on the exam with these versions of the packages "
            f"on such a processor: 'refold compare {for_shell(record.name)}' does that for each "
            "architecture's winner"
        )
    spec = replace(smaller.specs[0], dataset=data.fingerprint)
    return ModelSelection(trial=trial, how="refit-all", specs=(spec,), recorded=(None,), smaller=smaller.twin)


def chosen(
    record: SweepRecord,
    trial: TrialRecord,
    how: str,
    images: Callable[[], tuple[Dataset, Dataset | None]],
) -> tuple[ModelSelection, Dataset]:
    """Return the model that is trained on the exam too, and its images; refuse what cannot be.

    Args:
        record: the sweep.
        trial: a complete trial of the sweep.
        how: the way that the model is asked to be made in.
        images: returns those of the search, and of the exam; None if the sweep has no exam.

    Raises:
        UsageError: if another way than a refit is asked for, the sweep has no exam, or as for
            ``choose_with_exam``.
    """
    if how != "refit":
        raise UsageError(f"--include-exam goes with --how refit only: {how} is made of the models of folds")
    search, exam = images()
    if exam is None:
        raise UsageError(
            f"--include-exam: the sweep {record.name!r} has no exam: its refit is trained on all images"
        )
    data = joined(search, exam)
    return choose_with_exam(record, trial, data), data
