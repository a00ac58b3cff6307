"""How well likely label errors are found: in Fashion-MNIST, with 3 % of the labels made wrong.

``python -m benchmarks.label_errors`` trains a small sweep on 6,000 images, once with labels flipped to any
other class and once to a class that looks similar, and prints how many of the wrong labels are among the
first 3 % of the ranking that ``refold inspect SWEEP --labels`` shows, and the ranking's AUC.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import refold
from sweeps.analysis.statistics.confident_learning import label_errors
from sweeps.cluster.coordinator import local_workers
from sweeps.diagnostics.machine import available_cores
from sweeps.home import Home
from sweeps.retraining.out_of_fold import HeldOutSource
from tracking.ledger.ledger import Ledger
from trainer.datasets import Dataset, load, stored_at
from trainer.datasets.dataset import DatasetSource

#: Share of the labels that is made wrong.
WRONG = 0.03

#: Classes that look alike: T-shirt and shirt, pullover and coat, dress and coat, shoes, bag and boot.
SIMILAR = {0: (6,), 1: (3,), 2: (4, 6), 3: (4,), 4: (2, 6), 5: (7, 9), 6: (0, 2), 7: (5, 9), 8: (0,), 9: (7,)}


def flipped(
    labels: npt.NDArray[np.int32], kind: str, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Return labels of which 3 % are wrong, and which are."""
    found, wrong = labels.copy(), np.zeros(len(labels), dtype=bool)
    chosen = rng.choice(len(labels), round(WRONG * len(labels)), replace=False)
    for place in chosen:
        true = int(labels[place])
        others = SIMILAR[true] if kind == "similar" else tuple(set(SIMILAR) - {true})
        found[place] = rng.choice(others)
    wrong[chosen] = True
    return found, wrong


def measured(data: Dataset, kind: str, folder: Path, trials: int, epochs: int) -> dict[str, Any]:
    """Train a sweep on labels of which 3 % are wrong, and rank them."""
    from sklearn.metrics import roc_auc_score

    given, wrong = flipped(data.labels, kind, np.random.default_rng(15))
    np.savez(folder / f"{kind}.npz", images=data.images, labels=given)
    spec = refold.SweepSpec(
        name=kind,
        dataset=DatasetSource(source=str(folder / f"{kind}.npz"), exam=0.0),
        trials=trials,
        architectures=["lenet"],
        cv=refold.CrossValidation(epochs=epochs),
    )
    refold.run(spec, home=folder / "home", progress=False)
    home = Home.chosen(str(folder / "home"))
    with Ledger.read(home.path) as ledger:
        entry, best = ledger.entry(kind), ledger.sweep(kind).ranking[0]
    assert entry is not None  # noqa: S101 - it has just been run
    source = HeldOutSource(
        home=home.path,
        entry=entry,
        stored=stored_at(home.path / "datasets", entry.dataset.fingerprint),
        start_workers=lambda log: local_workers(available_cores(), log),
    )
    held_out = source.probabilities(best)
    assert held_out.probabilities is not None  # noqa: S101 - that is what was asked for
    rows = np.argsort(held_out.image)
    ranked = label_errors(given[held_out.image[rows]], held_out.probabilities[rows])
    wrong = wrong[held_out.image[rows]]
    first = ranked.order[: wrong.sum()]
    return {
        "flipped to": "a similar class" if kind == "similar" else "any class",
        "f1": round(best.f1 or 0.0, 4),
        "wrong": int(wrong.sum()),
        "in the first 3 %": round(float(wrong[first].mean()), 3),
        "AUC": round(float(roc_auc_score(wrong, -ranked.margin)), 4),
        "flagged": int(ranked.flagged.sum()),
        "flagged and wrong": int((ranked.flagged & wrong).sum()),
    }


def main() -> None:
    """Print one line for each way of being wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=6000)
    parser.add_argument("--trials", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    data = load(DatasetSource(source="fashion_mnist", samples=options.samples)).search
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("random", "similar"):
            print(measured(data, kind, Path(folder), options.trials, options.epochs), flush=True)


if __name__ == "__main__":
    main()
