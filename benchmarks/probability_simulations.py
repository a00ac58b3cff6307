"""Do the statements about an exam hold for metrics of probabilities? Experiments in which the truth is known.

``python -m benchmarks.probability_simulations`` prints a table of docs/statistics.md. There are two classes.
The logit of an image's true class is normal: the architecture's skill, a seed's effect, how easy the image is
for all and for this architecture, and chance. So log loss and ROC AUC on endlessly many images are integrals
over one normal number.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
from scipy import stats

from benchmarks.exam_facts import Facts, facts
from benchmarks.shares import Share
from benchmarks.side_by_side import Map, side_by_side
from sweeps.analysis.statistics.exam import judge
from trainer.metrics.table import METRICS

#: Spread of images' logits: shared by all architectures, of each architecture, of each refit.
SHARED, OWN, CHANCE = 1.2, 0.6, 0.6
WIDTH = float(np.sqrt(SHARED**2 + OWN**2 + CHANCE**2))

_QUANTILES = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)

#: Draws of ``judge`` in an experiment; the product takes 20,000.
DRAWS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of experiment.

    Attributes:
        metric: the name of the metric.
        skills: mean logit of each architecture.
        positive: share of the second class.
        images: of the exam.
        refits: of each architecture.
        seeds: spread of the seeds' effects, as logits.
    """

    metric: str
    skills: tuple[float, ...]
    positive: float = 0.5
    images: int = 1000
    refits: int = 5
    seeds: float = 0.05


KINDS = {
    "log loss, two equal": Kind(metric="neg_log_loss", skills=(1.5, 1.5)),
    "log loss, three in steps": Kind(metric="neg_log_loss", skills=(1.5, 1.4, 1.0)),
    "ROC AUC, two equal": Kind(metric="roc_auc_ovr", skills=(1.5, 1.5)),
    "ROC AUC, three in steps": Kind(metric="roc_auc_ovr", skills=(1.5, 1.4, 1.0)),
    "ROC AUC, 5 % of the second class, two equal": Kind(
        metric="roc_auc_ovr", skills=(1.5, 1.5), positive=0.05
    ),
}


def truth(kind: Kind, skill: float) -> float:
    """Return the mean score over seeds on endlessly many images."""
    if kind.metric == "neg_log_loss":
        logits = skill + np.sqrt(WIDTH**2 + kind.seeds**2) * _QUANTILES
        return float(-np.log1p(np.exp(-logits)).mean())
    # Two images of different classes are in the right order if the sum of their logits is above 0.
    levels = skill + kind.seeds * _QUANTILES
    return float(stats.norm.cdf(2 * levels / (np.sqrt(2) * WIDTH)).mean())


def one(kind: Kind, seed: int) -> Facts:
    """Draw an exam and refits, judge them, and hold the judgement against the truth."""
    rng, metric = np.random.default_rng(seed), METRICS[kind.metric]
    true = rng.permutation((np.arange(kind.images) < kind.positive * kind.images).astype(np.int64))
    shared, given, right = SHARED * rng.standard_normal(kind.images), {}, {}
    for place, skill in enumerate(kind.skills):
        own = OWN * rng.standard_normal(kind.images)
        levels = skill + kind.seeds * rng.standard_normal((kind.refits, 1))
        logits = levels + shared + own + CHANCE * rng.standard_normal((kind.refits, kind.images))
        of_true = 1 / (1 + np.exp(-logits))
        second = np.where(true == 1, of_true, 1 - of_true)
        given[f"a{place}"] = np.stack([1 - second, second], axis=-1)
        right[f"a{place}"] = truth(kind, skill)
    judged = judge(true, given, classes=2, rope=metric.rope, seed=seed, draws=DRAWS, metric=metric)
    return facts(judged, right)


def print_kinds(experiments: int, over: Map) -> None:
    """Print a row for each kind."""
    print("| experiments | covers the score | set holds the best (size) | some pair wrong | pairs decided |")
    print("| --- | --- | --- | --- | --- |")
    for name, kind in KINDS.items():
        ran = over(partial(one, kind), range(1_000_000, 1_000_000 + experiments))
        found = {each.name: float(np.mean([getattr(f, each.name) for f in ran])) for each in fields(Facts)}
        covers, held, wrong = (Share(found[part], experiments) for part in ("covers", "best_held", "wrong"))
        decided = f"{100 * found['decided']:.0f} %"
        print(f"| {name} | {covers} | {held} ({found['members']:.1f}) | {wrong} | {decided} |", flush=True)


def main(words: Sequence[str] | None = None) -> None:
    """Print the table."""
    reader = argparse.ArgumentParser(prog="python -m benchmarks.probability_simulations", description=__doc__)
    reader.add_argument("experiments", nargs="?", type=int, default=500, help="in each row (500)")
    reader.add_argument("--processes", type=int, default=2, help="side by side (2)")
    asked, begun = reader.parse_args(words), time.perf_counter()
    with side_by_side(asked.processes) as over:
        print_kinds(asked.experiments, over)
    print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
