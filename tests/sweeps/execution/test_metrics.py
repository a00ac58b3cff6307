"""Sweeps on other metrics than macro-F1: what follows from a metric follows from the chosen one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeps.definition.plan import Plan
from sweeps.definition.spec import CrossValidation, Prune
from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from tests.closed_formula import EAGER, InlineWorkers, in_memory_ledger, plan, prepared, starter
from tests.labelled_trainer import LabelledWorkers, record, sweep
from tests.sweeps.execution.test_loop import InterruptedWorkers
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord
from tracking.reports.scored_by import scored_by
from trainer.errors import UsageError
from trainer.metrics.metric import MACRO_F1
from trainer.metrics.table import METRICS

CHOSEN = ["accuracy", "matthews_corrcoef", "recall:1:b", "neg_log_loss", "roc_auc_ovr"]


def on(metric: str, **more: object) -> Plan:
    """A made-up plan on a metric."""
    made = plan(**more)  # type: ignore[arg-type]
    return replace(made, cv=replace(made.cv, metric=metric))


def run(made: Plan, folder: Path, *steps: InlineWorkers) -> SweepRecord:
    """Run a sweep, each step with other workers; a step may be interrupted."""
    ledger = in_memory_ledger()
    for workers in steps:
        try:
            run_sweep(
                prepared(made), folder, ledger, start_workers=starter(workers), workers=2, progress=Silent()
            )
        except KeyboardInterrupt:
            continue
    return ledger.sweep("made-up")


@pytest.mark.parametrize("metric", CHOSEN)
def test_one_digest_over_workers_and_interruptions(metric: str, tmp_path: Path) -> None:
    """With pruning; and another digest than that of the same sweep on macro-F1."""
    made = on(metric)
    alone = run(made, tmp_path, InlineWorkers(1))
    many = run(made, tmp_path, InlineWorkers(5))
    again = run(made, tmp_path, InterruptedWorkers(2), InlineWorkers(3))
    assert alone.digest == many.digest == again.digest != run(plan(), tmp_path, InlineWorkers(1)).digest
    assert {trial.state for trial in alone.trials} >= {"complete", "pruned"}
    assert alone.metric.recorded == metric


def test_trials_are_ranked_by_the_metric(tmp_path: Path) -> None:
    """The score is that of scikit-learn's definition for pooled predictions; the better one comes first."""
    made = sweep(tmp_path, "lenet", "vgg", trials=3)
    made = replace(made, cv=CrossValidation(folds=made.cv.folds, epochs=5, metric="recall:1"))
    home = record(made, LabelledWorkers({"lenet": 0.8, "vgg": 0.6}))
    with Ledger.read(home) as ledger:
        found = ledger.sweep("made")
    assert found.metric.name == "recall:1"
    for trial in found.trials:
        (row,) = [row for label, row in enumerate(trial.confusion or ()) if label == 1]
        assert trial.score == row[1] / sum(row)
    scores = [trial.score or 0.0 for trial in found.ranking]
    assert scores == sorted(scores, reverse=True)
    by_f1 = scored_by(found, MACRO_F1)
    assert [trial.score for trial in by_f1.trials] == [trial.f1 for trial in found.trials]


def test_probabilities_are_kept_where_the_metric_needs_them(tmp_path: Path) -> None:
    """Through the ledger and back, with confidences that are among them; the score is the folds' mean."""
    made = sweep(tmp_path, "lenet", trials=1)
    made = replace(made, cv=CrossValidation(folds=made.cv.folds, epochs=5, metric="neg_log_loss"))
    home = record(made, LabelledWorkers({"lenet": 0.8}))
    with Ledger.read(home) as ledger:
        (trial,) = ledger.sweep("made").trials
    for fold in trial.folds:
        result = fold.run.result
        kept = result.class_probabilities()
        assert kept.shape == (len(result.predicted_classes()), len(result.confusion))
        assert (kept.max(axis=1) == result.predicted_confidences()).all()
    assert trial.score == pytest.approx(np.mean(trial.fold_scores))


def test_a_sweep_goes_on_with_its_metric_only(tmp_path: Path) -> None:
    """Another metric is another sweep: what differs is named."""
    ledger = in_memory_ledger()
    start = starter(InlineWorkers(1))
    run_sweep(prepared(plan()), tmp_path, ledger, start_workers=start, workers=1, progress=Silent())
    with pytest.raises(UsageError, match=r"cv\.metric"):
        run_sweep(
            prepared(on("accuracy")), tmp_path, ledger, start_workers=start, workers=1, progress=Silent()
        )


def test_macro_f1_changes_no_identity() -> None:
    """Naming the default is leaving it out: sweeps from before there were metrics go on."""
    assert on("f1_macro").identity() == plan(prune=EAGER).identity()
    assert "metric" not in json.dumps(plan().identity()["cv"])
    specs = plan().fit_specs(plan().architectures[0], 0, {"batch_size": 32, "learning_rate": 1e-3})
    assert "metric_name" not in specs[0].to_json()


def test_each_metric_has_its_usual_margin() -> None:
    """In its own units, and recorded."""
    for name, metric in METRICS.items():
        if name != MACRO_F1.recorded:
            made = on(name)
            made = replace(made, prune=Prune())
            assert made.identity()["prune"]["margin"] == metric.margin
