"""The metric of a sweep on its dataset: the place of its class, and what it costs."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sweeps.definition.checks import shown
from sweeps.definition.spec import CrossValidation, Prune
from trainer.datasets import Dataset
from trainer.errors import UsageError
from trainer.metrics.table import metric_called, recorded_name
from trainer.quantities import size


def with_place(cv: CrossValidation, classes: Sequence[str]) -> CrossValidation:
    """Return a cross-validation whose metric, if it is of one class, names the class's place too.

    Raises:
        UsageError: if the dataset has no such class.
    """
    try:
        return replace(cv, metric=recorded_name(cv.metric, classes))
    except ValueError as error:
        raise UsageError(f"cv.metric = {shown(cv.metric)}: {error}") from None


def remarks(cv: CrossValidation, prune: Prune, dataset: Dataset) -> Iterator[str]:
    """Yield what is worth knowing of the metric before a sweep begins.

    Args:
        cv: with the metric's place.
        prune: which trials are not trained to their end.
        dataset: the images of the search.
    """
    metric = metric_called(cv.metric)
    if not metric.counts:
        kept = size(4 * len(dataset.labels) * len(dataset.classes))
        yield (
            f"{metric.name} is computed from probabilities: those of all held-out images are kept, {kept} "
            "for each complete trial"
        )
    if prune.enabled and not metric.bounded and prune.margin_of(metric) >= metric.high:
        yield (
            f"nothing bounds {metric.name} before the last fold: with this prune.margin no trial is pruned "
            "after its first fold"
        )
