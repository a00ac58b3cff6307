"""All metrics that a sweep can have, by their names in sweep files and in records.

A metric of one class is recorded with the place of its class, so that a record can be scored without the
dataset's names.

>>> recorded_name("recall:sick", ("healthy", "sick"))
'recall:1:sick'
>>> metric_called("recall:1:sick").of(((8, 2), (1, 3)))
0.75
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain

from trainer.metrics import of_counts, of_probabilities
from trainer.metrics.metric import MACRO_F1, Metric
from trainer.metrics.of_counts import Counts, Scores
from trainer.spelling import nearest


def _of_all_classes() -> tuple[Metric, ...]:
    return (
        MACRO_F1,
        Metric(
            name="f1_weighted",
            recorded="f1_weighted",
            key="f1_weighted",
            title="weighted F1",
            label="weighted F1",
            of_counts=of_counts.weighted_f1,
        ),
        Metric(
            name="accuracy",
            recorded="accuracy",
            key="accuracy",
            title="accuracy",
            label="accuracy",
            of_counts=of_counts.accuracy,
        ),
        Metric(
            name="balanced_accuracy",
            recorded="balanced_accuracy",
            key="balanced_accuracy",
            title="balanced accuracy",
            label="balanced accuracy",
            of_counts=of_counts.balanced_accuracy,
        ),
        # With more than two classes it can fall where an image more is right, so nothing bounds it.
        Metric(
            name="matthews_corrcoef",
            recorded="matthews_corrcoef",
            key="matthews_corrcoef",
            title="Matthews correlation",
            label="MCC",
            low=-1.0,
            rope=0.01,
            margin=0.01,
            bounded=False,
            of_counts=of_counts.matthews,
        ),
        Metric(
            name="roc_auc_ovr",
            recorded="roc_auc_ovr",
            key="roc_auc_ovr",
            title="area under the ROC curve",
            label="ROC AUC",
            of_probabilities=of_probabilities.roc_auc,
        ),
        Metric(
            name="average_precision",
            recorded="average_precision",
            key="average_precision",
            title="average precision",
            label="average precision",
            of_probabilities=of_probabilities.average_precision,
        ),
        Metric(
            name="neg_log_loss",
            recorded="neg_log_loss",
            key="neg_log_loss",
            title="negative log loss",
            label="negative log loss",
            low=of_probabilities.LEAST,
            high=0.0,
            rope=0.02,
            margin=0.02,
            of_probabilities=of_probabilities.log_likelihood,
        ),
    )


#: Metrics that need no class, by their names in sweep files and in records.
METRICS = {name: metric for metric in _of_all_classes() for name in (metric.name, metric.recorded)}

#: Metrics of one class: their titles and functions.
OF_A_CLASS: dict[str, tuple[str, Callable[[Counts], Scores]]] = {
    "f1": ("F1", of_counts.f1),
    "recall": ("recall", of_counts.recall),
    "precision": ("precision", of_counts.precision),
}


def recorded_name(name: str, classes: Sequence[str]) -> str:
    """Return a sweep file's metric with the place of its class, if it has one.

    Args:
        name: scikit-learn's name of the scorer, or ``f1:CLASS``, ``recall:CLASS``, ``precision:CLASS``.
        classes: the names of the dataset's classes, in order.

    Raises:
        ValueError: one line, if there is no such metric or no such class.
    """
    check_name(name)
    kind, of_class, label = name.partition(":")
    if not of_class:
        return name
    if label not in classes:
        place, _, again = label.partition(":")  # a name that this function has made is taken as it is
        if place.isdecimal() and int(place) < len(classes) and classes[int(place)] == again:
            return name
        raise ValueError(f"there is no class {label!r}: {nearest(label, classes)}")
    return f"{kind}:{list(classes).index(label)}:{label}"


def check_name(name: str) -> None:
    """Check a metric's name in a sweep file, whose class may not be known yet.

    Raises:
        ValueError: one line, if there is no such metric.
    """
    kind, of_class, label = name.partition(":")
    if of_class and kind in OF_A_CLASS:
        if not label:
            raise ValueError(f"names no class: write {kind}:CLASS")
        return
    if name in OF_A_CLASS:
        averages = "f1_macro or f1_weighted" if name == "f1" else "f1_macro or balanced_accuracy"
        raise ValueError(f"is of one class: write {name}:CLASS, or {averages} for all of them")
    if of_class:
        raise ValueError(f"{kind!r} is no metric of one class: {nearest(kind, OF_A_CLASS)}")
    if name not in METRICS:
        known = chain(METRICS.keys() - {MACRO_F1.recorded}, (f"{kind}:CLASS" for kind in OF_A_CLASS))
        raise ValueError(f"there is no such metric: {nearest(name, known)}")


@cache
def metric_called(recorded: str) -> Metric:
    """Return the metric with this name in records.

    Raises:
        ValueError: if there is none.
    """
    if recorded in METRICS:
        return METRICS[recorded]
    kind, place, label = [*recorded.split(":", 2), "", ""][:3]
    if kind not in OF_A_CLASS or not place.isdecimal() or not label:
        raise ValueError(f"there is no metric {recorded!r}; the metrics are: {', '.join(METRICS)}")
    title, values = OF_A_CLASS[kind]
    return Metric(
        name=f"{kind}:{label}",
        recorded=recorded,
        key=f"{kind}_{_plain(label, place)}",
        title=f"{title} of {label}",
        label=f"{kind}:{label}",
        of_class=int(place),
        of_counts=lambda counts: values(counts)[..., int(place)],
    )


def _plain(label: str, place: str) -> str:
    """Return a class's name for keys and file names: its number if the name has other letters."""
    plain = re.sub(r"[ _-]+", "_", label.lower()).strip("_")
    return plain if re.fullmatch(r"[a-z0-9_]{1,20}", plain) else f"class_{place}"
