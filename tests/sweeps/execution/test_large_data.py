"""Sweeps on data that is mapped from a file because it is larger than memory allows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sweeps.definition.spec import SweepSpec
from tests.labelled_trainer import LabelledWorkers, record, sweep
from tracking.ledger.ledger import Ledger
from trainer.datasets import DatasetSource, large


def digest(made: SweepSpec) -> str:
    """Run the sweep; return its digest."""
    with Ledger.read(record(made, LabelledWorkers({"lenet": 0.8}))) as ledger:
        return ledger.sweep("made").digest


def test_a_sweep_has_one_digest_from_memory_and_from_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From an ``.npz`` file and from a folder with the same images, in memory and mapped."""
    digests = []
    for limit in (large.IN_MEMORY, 1000):
        monkeypatch.setattr(large, "IN_MEMORY", limit)
        for source in ("data.npz", "photos"):
            folder = tmp_path / f"{source} {limit}"
            folder.mkdir()
            made = sweep(folder, "lenet")
            write_photos(folder)
            digests.append(digest(replace(made, dataset=DatasetSource(source=source))))
    assert len(set(digests)) == 1


def write_photos(folder: Path) -> None:
    """Write the images of ``data.npz`` as files, and bring it to their order: class by class."""
    with np.load(folder / "data.npz") as data:
        arrays = dict(data)
    for part, prefix in (("train", ""), ("test", "test_")):
        labels = arrays[f"{prefix}labels"]
        order = np.argsort(labels, kind="stable")
        for name in ("images", "labels"):
            arrays[prefix + name] = arrays[prefix + name][order]
        for number, image in enumerate(arrays[f"{prefix}images"]):
            path = folder / "photos" / part / str(labels[order[number]]) / f"{number:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    np.savez(folder / "data.npz", **arrays, allow_pickle=False)
