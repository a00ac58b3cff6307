"""How safe pruning is: complete sweeps, recorded once, replayed under each rule in many trial orders.

``python -m benchmarks.pruning record digits`` trains a sweep without pruning (run it again to go on) and
keeps what decides pruning in ``benchmarks/records/digits.json.gz``; ``extract`` does so with any recorded
sweep. ``python -m benchmarks.pruning replay`` replays the records under every rule, with the very functions
that prune a sweep, and prints how much of the training is left and how often the winner is still found.
"""

import argparse
import gzip
import json
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from sweeps.definition.spec import Prune
from sweeps.search.outcomes import Ended
from sweeps.search.thresholds import thresholds
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord, sequence
from trainer.fits.results import Epoch, FitResult
from trainer.fits.specs import Thresholds
from trainer.fits.stopping import missed_rung

RECORDS = Path(__file__).parent / "records"

#: A winner whose macro-F1 lies so close below the best one's is as good.
AS_GOOD = 0.002

SWEEPS = {
    "digits": 'name = "pruning-digits"\ndataset = "digits"\ntrials = 40\n',
    "fashion": (
        'name = "pruning-fashion"\ntrials = 40\ndataset = { source = "fashion_mnist", samples = 1500 }\n'
        "[cv]\nepochs = 20\n"
    ),
}

MARGINS = (0.0, 0.002, 0.005, 0.01, 0.02, 1.0)
RUNGS = ((), (2,), (3,), (5,), (8,), (2, 5), (3, 9), (5, 10))
KEEPS = (0.33, 0.4, 0.5, 0.67)


@dataclass(frozen=True, slots=True)
class Replayed:
    """One rule over all orders: shares in [0, 1]; ``loss`` is the mean macro-F1 given away.

    ``found`` is the share of orders in which the sweep's winner, or one as good, was found; ``each`` the same
    for the winner of every architecture.
    """

    rule: Prune
    spent: float
    found: float
    each: float
    loss: float


@dataclass(frozen=True)
class Recorded:
    """A complete sweep: every trial's fits by architecture, every epoch and fold of them."""

    name: str
    about: Mapping[str, Any]
    epochs: int
    folds: int
    trials: Mapping[str, Sequence[Ended]]

    @cached_property
    def fold_epochs(self) -> int:
        """Epochs of all fits added up: what the sweep costs without pruning."""
        return sum(_epochs(trial) for trials in self.trials.values() for trial in trials)


def _epochs(trial: Ended) -> int:
    return sum(len(result.epochs) for result in trial.results)


def replay(record: Recorded, rule: Prune, orders: int) -> Replayed:
    """Run the recorded trials in ``orders`` random orders under ``rule``."""
    best = {name: max(trial.score for trial in _ended(trials)) for name, trials in record.trials.items()}
    spent, lost, lost_each = [], [], []
    for seed in range(orders):
        reached, epochs = {}, 0
        for name, trials in record.trials.items():
            order = random.Random(f"{seed} {name}").sample(list(trials), len(trials))
            ended = pruned(order, rule, record)
            reached[name] = max(trial.score for trial in ended if trial.state == "complete")
            epochs += sum(map(_epochs, ended))
        spent.append(epochs / record.fold_epochs)
        lost.append(max(best.values()) - max(reached.values()))
        lost_each += [best[name] - reached[name] for name in best]
    return Replayed(rule, fmean(spent), _share(lost), _share(lost_each), fmean(lost))


def _ended(trials: Iterable[Ended]) -> list[Ended]:
    return [trial for trial in trials if trial.state == "complete"]


def _share(losses: Sequence[float]) -> float:
    return fmean(loss <= AS_GOOD for loss in losses)


def pruned(order: Sequence[Ended], rule: Prune, record: Recorded) -> list[Ended]:
    """Return the trials as they end under the rule, each told all that come before it (a window of 1)."""
    observed: list[Ended] = []
    for whole in order:
        asked = thresholds(rule, observed, folds=record.folds, epochs=record.epochs)
        observed.append(whole if whole.state == "failed" else _cut(whole, asked))
    return observed


def _cut(whole: Ended, asked: Thresholds | None) -> Ended:
    first = _at_rungs(whole.results[0], asked)
    results = dict(enumerate((first, *whole.results[1:])))
    state, counted = sequence(results, len(results), asked)
    return whole if state == "complete" else Ended({}, state, tuple(results[p] for p in range(counted)))


def _at_rungs(fit: FitResult, asked: Thresholds | None) -> FitResult:
    best = 0.0
    for number, epoch in enumerate(fit.epochs, start=1):
        best = max(best, epoch.stop_f1 or 0.0)
        if missed_rung(asked, number, best):
            return FitResult(key=fit.key, state="pruned", epochs=fit.epochs[:number])
    return fit


# Records


def extract(record: SweepRecord) -> dict[str, Any]:
    """Return what decides pruning, of the trials that every architecture has ended, as JSON data."""
    ended = [
        [trial for trial in record.trials if trial.architecture == name and trial.state != "running"]
        for name in record.architectures
    ]
    trials = min(map(len, ended))
    fits = [fold.spec for trial in record.trials for fold in trial.folds]
    return {
        "name": record.name,
        "about": {
            "dataset": record.dataset.name,
            "images": record.dataset.samples,
            "trials per architecture": trials,
            "folds": record.fits_per_trial,
            "epochs at most": fits[0].epochs,
            "recorded": time.strftime("%Y-%m-%d", time.gmtime(record.created_at)),
            "digest": record.digest,
        },
        "trials": {
            name: [
                {
                    "state": trial.state,
                    "hyperparameters": dict(trial.hyperparameters),
                    "folds": [_fold_json(fold.run.result) for fold in trial.folds],
                }
                for trial in mine[:trials]
            ]
            for name, mine in zip(record.architectures, ended, strict=True)
        },
    }


def _fold_json(result: FitResult) -> dict[str, Any]:
    curve = [round(epoch.stop_f1 or 0.0, 6) for epoch in result.epochs]
    return {"state": result.state, "f1": result.score, "confusion": result.confusion, "stop_f1": curve}


def load(path: Path) -> Recorded:
    """Read what ``extract`` gave."""
    data = json.loads(gzip.decompress(path.read_bytes()))
    trials = {
        name: [Ended(t["hyperparameters"], t["state"], tuple(map(_fold, t["folds"]))) for t in mine]
        for name, mine in data["trials"].items()
    }
    about = data["about"]
    return Recorded(data["name"], about, about["epochs at most"], about["folds"], trials)


def _fold(data: Mapping[str, Any]) -> FitResult:
    epochs = tuple(
        Epoch(loss=0.0, accuracy=0.0, stop_loss=None, stop_accuracy=None, stop_f1=f1, weights_sha256="")
        for f1 in data["stop_f1"]
    )
    confusion = tuple(tuple(row) for row in data["confusion"])
    return FitResult(key="", state=data["state"], epochs=epochs, confusion=confusion, f1=data["f1"])


def _write(record: SweepRecord, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(extract(record), separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{path}: {extract(record)['about']}")


def record(data: str, workers: int | None) -> None:
    """Train what is missing of a complete sweep, and keep what decides pruning."""
    import tomllib

    import refold
    from sweeps.definition.sweep_file import parse_sweep

    spec = parse_sweep(tomllib.loads(SWEEPS[data] + "[prune]\nenabled = false\n"))
    _write(refold.run(spec, workers=workers).record, RECORDS / f"{data}.json.gz")


# Rules


def rules() -> list[Prune]:
    """Return the rules that are compared; rungs without a share to keep are one rule."""
    found = [Prune(margin=margin, keep=1.0, rungs=()) for margin in MARGINS]
    for margin, rungs, keep in product(MARGINS, RUNGS, KEEPS):
        if rungs:
            found.append(Prune(margin=margin, rungs=rungs, keep=keep))
    return found


@lru_cache
def _loaded(path: Path) -> Recorded:
    return load(path)


def _one(task: tuple[Path, Prune, int]) -> Replayed:
    path, rule, orders = task
    return replay(_loaded(path), rule, orders)


def compare(paths: Sequence[Path], orders: int) -> dict[Path, list[Replayed]]:
    """Replay every record under every rule."""
    tasks = [(path, rule, orders) for path in paths for rule in rules()]
    with ProcessPoolExecutor() as pool:
        done = list(pool.map(_one, tasks, chunksize=8))
    return {path: [r for (p, _, _), r in zip(tasks, done, strict=True) if p == path] for path in paths}


def table(results: Mapping[Path, Sequence[Replayed]], most: float, least: float) -> str:
    """Return the rules that spend at most ``most`` and find the winner in ``least``, cheapest first."""
    names = [path.name.partition(".")[0] for path in results]
    columns = [
        f"{name}: {what}" for name in names for what in ("fold-epochs", "winner", "each winner", "F1 lost")
    ]
    lines = ["| margin | rungs | keep | " + " | ".join(columns) + " |"]
    lines.append("| ---: | --- | ---: |" + " ---: |" * len(columns))
    rows = list(zip(*results.values(), strict=True))
    default = Prune()
    for row in sorted(rows, key=lambda row: max(r.spent for r in row)):
        rule = row[0].rule
        good = all(r.spent <= most and r.found >= least for r in row)
        shipped = (rule.margin, rule.rungs, rule.keep) == (
            default.margin,
            default.rungs_within(99),
            default.keep,
        )
        if good or shipped or rule.keep == 1.0:
            cells = [f"{r.spent:.0%} | {r.found:.0%} | {r.each:.0%} | {r.loss:.4f}" for r in row]
            rungs = ", ".join(map(str, rule.rungs or ())) or "none"
            mark = " (default)" if shipped else ""
            keep = "" if rule.keep == 1.0 else f"{rule.keep:g}"
            lines.append(f"| {rule.margin:g}{mark} | {rungs} | {keep} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def picture(results: Mapping[Path, Sequence[Replayed]], path: Path) -> None:
    """Draw what each rule costs against how often it finds the winner."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    default = Prune()
    figure, axes = plt.subplots(1, len(results), figsize=(6 * len(results), 4.2), sharey=True, squeeze=False)
    for axis, (source, found) in zip(axes[0], results.items(), strict=True):
        for margin, colour in zip(
            MARGINS, plt.get_cmap("viridis")([0.0, 0.2, 0.4, 0.6, 0.8, 0.95]), strict=True
        ):
            mine = [r for r in found if r.rule.margin == margin]
            label = "1 (lossless)" if margin == 1.0 else f"{margin:g}"
            axis.scatter(
                [100 * r.spent for r in mine], [100 * r.found for r in mine], color=colour, s=16, label=label
            )
        (shipped,) = [
            r
            for r in found
            if (r.rule.margin, r.rule.rungs, r.rule.keep)
            == (default.margin, default.rungs_within(99), default.keep)
        ]
        axis.scatter(
            100 * shipped.spent,
            100 * shipped.found,
            s=120,
            facecolors="none",
            edgecolors="red",
            label="default",
        )
        axis.axhline(95, color="grey", linewidth=0.8, linestyle="--")
        axis.axvline(35, color="grey", linewidth=0.8, linestyle="--")
        axis.set(title=source.name.partition(".")[0], xlabel="fold-epochs trained, % of all")
    axes[0][0].set_ylabel(f"orders that find the winner or one within {AS_GOOD}, %")
    axes[0][-1].legend(title="prune.margin", loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    recording = verbs.add_parser("record", help="train a complete sweep, or what is missing of it")
    recording.add_argument("data", choices=SWEEPS)
    recording.add_argument("--workers", type=int)
    extracting = verbs.add_parser("extract", help="keep a sweep that was run without pruning")
    extracting.add_argument("sweep")
    extracting.add_argument("out", type=Path)
    extracting.add_argument("--home", type=Path, default=Path("refold-runs"))
    replaying = verbs.add_parser("replay", help="replay the records under each rule")
    replaying.add_argument("records", nargs="*", type=Path)
    replaying.add_argument("--orders", type=int, default=100)
    replaying.add_argument("--picture", type=Path)
    options = parser.parse_args()
    if options.verb == "record":
        record(options.data, options.workers)
    elif options.verb == "extract":
        with Ledger.read(options.home) as ledger:
            _write(ledger.sweep(options.sweep), options.out)
    else:
        results = compare(options.records or sorted(RECORDS.glob("*.json.gz")), options.orders)
        for path in results:
            print(path.name, load(path).about)
        print(table(results, most=0.35, least=0.95))
        if options.picture:
            picture(results, options.picture)


if __name__ == "__main__":
    main()
