"""Datasets as their sources have them, for tests of reading: nothing is set aside."""

import dataclasses
from pathlib import Path

from trainer.datasets import Arrays, Dataset, DatasetSource, load
from trainer.datasets.dataset import OFFICIAL
from trainer.names import Rule, class_name


def whole(source: DatasetSource | Arrays, *, base: Path = Path(), class_name: Rule = class_name) -> Dataset:
    """Return all images but those of an official test set."""
    given = (
        source.with_exam(OFFICIAL)
        if isinstance(source, Arrays)
        else dataclasses.replace(source, exam=OFFICIAL)
    )
    return load(given, base=base, class_name=class_name).search


def official(source: DatasetSource, *, base: Path = Path()) -> Dataset | None:
    """Return the official test set, None if there is none."""
    return load(dataclasses.replace(source, exam=OFFICIAL), base=base).exam
