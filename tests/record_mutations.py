"""The catalogue of changes to the record of ``tests.varied_sweep``, each with what ``verify`` must say of it.

Most rows are resealed: every checksum is made to fit again, as somebody who knows refold would. What names
them is what can be derived again, or training.
"""

import json
import sqlite3
from dataclasses import replace
from typing import Any

import numpy as np

from tests.conclusion_mutations import BESIDE, EXPORTS, REPORTS
from tests.record_changes import (
    Change,
    Row,
    both,
    drop,
    edited,
    entry,
    flip,
    key_of,
    put,
    run,
    spec,
    sql,
    text,
)
from tests.seal_mutations import SEAL
from tests.varied_sweep import NAME
from trainer.canonical import digest
from trainer.fits.seeds import Seeds
from trainer.fits.specs import PROCEDURE, FitSpec


def last_digit(data: Any) -> None:
    """Change the learning rate of a spec in its last digit."""
    for pair in data["hyperparameters"]:
        if pair[0] == "learning_rate":
            pair[1] = float(np.nextafter(pair[1], 1))


def stop(data: Any) -> None:
    """Take the result of a fit away, as if it had been stopped; leave its times."""
    empty = {"state": "failed", "reason": "was stopped after 5 min (limits.fit_minutes): raise the limit"}
    none = {"epochs": [], "confusion": [], "best_epoch": 0, "f1": None}
    digests = ("parts_sha256", "initial_weights_sha256", "weights_sha256", "probabilities_sha256")
    data["result"] |= empty | none | dict.fromkeys(digests, "")
    data["stopped_for"] = "time"
    data["timing"]["epoch_seconds"] = []


def failed(trial: str, position: int) -> Change:
    """Return what makes a fit look as if it had diverged."""
    nothing = {"epochs": [], "confusion": [], "best_epoch": 0, "f1": None}
    return both(
        run(
            lambda data: data["result"].update(state="failed", reason="diverged", **nothing), trial, position
        ),
        run(put("timing", "epoch_seconds", value=[]), trial, position),
    )


def retuned(ledger: sqlite3.Connection) -> None:
    """Give a trial, and its fits with their keys, another learning rate."""
    where = "architecture = 'lenet' AND number = 3"
    ledger.execute(
        "UPDATE proposals SET hyperparameters = json_set(hyperparameters, '$.learning_rate', 0.005) "
        f"WHERE {where}"
    )
    rows = f"SELECT position, key FROM members WHERE sweep = '{NAME}' AND {where} ORDER BY position"
    first: FitSpec | None = None
    for position, key in ledger.execute(rows).fetchall():
        fit = ledger.execute("SELECT spec, run FROM fits WHERE key = ?", (key,)).fetchone()
        if fit is not None:
            data, result = map(json.loads, fit)
            data["hyperparameters"] = [
                [name, 0.005 if name == "learning_rate" else value] for name, value in data["hyperparameters"]
            ]
            made = FitSpec.from_json(data)
            first = first or made
            result["result"]["key"] = made.key
            ledger.execute(
                "UPDATE fits SET key = ?, spec = ?, run = ? WHERE key = ?",
                (made.key, json.dumps(data), json.dumps(result), key),
            )
        else:
            assert first is not None
            assert first.thresholds is not None
            seeds = Seeds.of_fit(3, trial=3, repeat=0, fold=position)
            late = replace(first.thresholds, rungs=())
            made = replace(first, fold=position, seeds=seeds, thresholds=late)
        ledger.execute("UPDATE members SET key = ? WHERE key = ?", (made.key, key))


def started(ledger: sqlite3.Connection) -> None:
    """Give an architecture another starting point, and the sweep the key that follows."""
    ((identity,),) = ledger.execute("SELECT identity FROM sweeps WHERE name = ?", (NAME,)).fetchall()
    data = json.loads(identity)
    data["architectures"]["mine"]["start"][0]["units"] = 16
    ledger.execute(
        "UPDATE sweeps SET identity = ?, key = ? WHERE name = ?", (json.dumps(data), digest(data), NAME)
    )


def emptied(trial: str, position: int) -> Change:
    """Return what takes a fit's predictions away."""
    return sql(f"UPDATE fits SET predictions = x'', confidences = x'' WHERE {key_of(trial, position)}")


def stopped(trial: str, position: int) -> Change:
    """Return what makes a fit look as if it had been stopped; its times stay."""
    return both(run(stop, trial, position), emptied(trial, position))


def explain(data: Any) -> None:
    """Give a stopped fit the times and the place that it should have."""
    data["timing"] |= {"ended_at": data["timing"]["started_at"] + 301, "host": "there"}


IDENTITY = {
    "no architectures": Row(entry("identity", drop("architectures")), "architectures: "),
    "architectures that are none": Row(entry("identity", put("architectures", value=[1])), "architectures: "),
    "another procedure": Row(
        entry("identity", put("procedure", value=PROCEDURE - 1)), "procedure of training"
    ),
    "seed of the identity": Row(entry("identity", put("seed", value=4)), "sweep key"),
    "counts of folds that are not given": Row(
        entry("identity", put("held_out", value=[[4, 4, 4]] * 3)), "sweep key"
    ),
    "starting point of the identity": Row(
        entry("identity", put("architectures", "mine", "start", 0, "units", value=16)), "sweep key"
    ),
    "starting point": Row(
        both(started, text("units = 24", "units = 16")), "mine/0: proposal of units: 24 recorded, 16 proposed"
    ),
    "device of the identity": Row(entry("identity", put("device", value="gpu")), "was trained on GPUs"),
    "key": Row(sql("UPDATE sweeps SET key = '0' WHERE name = {made}"), "sweep key"),
    "seed": Row(sql("UPDATE sweeps SET seed = 2 WHERE name = {made}"), "sweep seed"),
    "fits lowered": Row(
        sql(
            "UPDATE sweeps SET fits = 2 WHERE name = {made}",
            "DELETE FROM members WHERE sweep = {made} AND position = 2",
        ),
        "fits of each trial: 2 recorded, 3",
    ),
}

TEXT = {
    "text emptied": Row(sql("UPDATE sweeps SET toml = '' WHERE name = {made}"), "name is missing"),
    "text cut off": Row(text("[cv]", "[cv"), "cannot be read as a sweep file"),
    "seed in the text": Row(text("seed = 3", "seed = 4"), "seed of the sweep file: 3 in the record, 4"),
    "folds in the text": Row(text("folds = 3", "folds = 4"), "cv.folds of the sweep file"),
    "epochs in the text": Row(text("epochs = 5", "epochs = 6"), "cv.epochs of the sweep file"),
    "startup in the text": Row(text("[search]", "[search]\nwindow = 2"), "search.window of the sweep file"),
    "rungs in the text": Row(text("rungs = [2]", "rungs = [3]"), "prune.rungs of the sweep file"),
    "data in the text": Row(text("data.npz", "other.npz"), "dataset.source of the sweep file"),
    "experiment in the text": Row(
        text("[limits]", '[mlflow]\nexperiment = "other"\n[limits]'), "experiment of the sweep file"
    ),
    "source in the text": Row(text("mine.py:Net", "mine.py:Other"), "sources.mine of the sweep file"),
    "starting point in the text": Row(
        text("units = 24", "units = 16"),
        "starts.mine of the sweep file: [{'units': 24}] in the record, [{'units': 16}]",
    ),
    "no starting point in the text": Row(
        text("[[architectures.mine.start]]\nunits = 24", ""), "starts.mine of the sweep file"
    ),
    "range in the text": Row(text("batch_size = 32", "batch_size = 64"), "spaces.lenet.batch_size"),
    "renamed": Row(
        sql(
            "UPDATE sweeps SET name = 'other' WHERE name = {made}",
            "UPDATE members SET sweep = 'other' WHERE sweep = {made}",
            "UPDATE proposals SET sweep = 'other' WHERE sweep = {made}",
        ),
        "name of the sweep file",
        sweep="other",
    ),
}

TRIALS = {
    "last trial dropped": Row(
        sql(
            "UPDATE sweeps SET trials = 3 WHERE name = {made}",
            "DELETE FROM proposals WHERE sweep = {made} AND number = 3",
            "DELETE FROM members WHERE sweep = {made} AND number = 3",
        ),
        "trials of the sweep file: 3 in the record, 4",
    ),
    "last trial dropped, text changed too": Row(
        both(
            sql(
                "UPDATE sweeps SET trials = 4 WHERE name = 'longer'",
                "DELETE FROM proposals WHERE sweep = 'longer' AND number = 4",
                "DELETE FROM members WHERE sweep = 'longer' AND number = 4",
                "UPDATE sweeps SET toml = replace(toml, 'trials = 5', 'trials = 4') WHERE name = 'longer'",
            )
        ),
        "no sweep of this home asks for it",
    ),
    "trials raised": Row(sql("UPDATE sweeps SET trials = 9 WHERE name = {made}"), "trials of the sweep file"),
    "trial dropped": Row(
        sql("DELETE FROM proposals WHERE sweep = {made} AND architecture = 'lenet' AND number = 1"),
        "lenet/1: trial: it is missing, and lenet/3 is there",
    ),
    "trial added": Row(
        sql("INSERT INTO proposals VALUES ({made}, 'lenet', 7, '{{}}', 0.0)"), "lenet/7: trial: not asked for"
    ),
    "trial renumbered": Row(
        sql(
            "UPDATE proposals SET number = 9 WHERE sweep = {made} AND architecture = 'lenet' AND number = 3",
            "UPDATE members SET number = 9 WHERE sweep = {made} AND architecture = 'lenet' AND number = 3",
        ),
        "lenet/9: trial: not asked for",
    ),
    "fit dropped": Row(
        sql(f"DELETE FROM fits WHERE {key_of('lenet/0', 2)}"), "lenet/0: folds: 2 folds do not end it"
    ),
    "fold dropped everywhere": Row(
        sql(
            "DELETE FROM fits WHERE key IN (SELECT key FROM members WHERE position = 2)",
            "DELETE FROM members WHERE position = 2",
        ),
        "folds do not end it",
    ),
    "row of a late fold dropped": Row(
        sql(
            "DELETE FROM members WHERE sweep = {made} AND architecture = 'lenet' AND number = 3 "
            "AND position = 2"
        ),
        "lenet/3 fold 2: fit: the record does not ask for it",
    ),
    "row of a fold added": Row(
        sql("INSERT INTO members VALUES ({made}, 'lenet', 3, 3, '0')"), "lenet/3 fit 3: fit: the plan has no"
    ),
    "row of a fit of no trial": Row(
        sql("INSERT INTO members VALUES ({made}, 'lenet', 8, 0, '0')"), "lenet/8 search fit 0: fit: the plan"
    ),
    "key of a late fold": Row(
        sql(
            "UPDATE members SET key = '0' WHERE sweep = {made} AND architecture = 'lenet' AND number = 3 "
            "AND position = 2"
        ),
        "lenet/3 fold 2: fit key",
    ),
    "folds swapped": Row(
        sql(
            "UPDATE members SET position = position + 10 WHERE architecture = 'lenet' AND number = 0",
            "UPDATE members SET position = 11 - position WHERE architecture = 'lenet' AND number = 0 "
            "AND position < 12",
            "UPDATE members SET position = 2 WHERE architecture = 'lenet' AND number = 0 AND position = 12",
        ),
        "lenet/0 fold 0: fold: 1 recorded, 0 derived",
    ),
    "fit of no trial": Row(
        sql(
            "INSERT INTO fits SELECT '0123456789abcdef0', spec, run, predictions, confidences, checksum "
            f"FROM fits WHERE {key_of('lenet/0', 0)}"
        ),
        "fit 0123456789abcdef: fit: no sweep of this home asks for it",
    ),
    "hyperparameter of a trial": Row(
        edited(
            "proposals",
            "hyperparameters",
            "sweep = 'made' AND architecture = 'lenet' AND number = 0",
            put("batch_size", value=33),
        ),
        "hyperparameter batch_size",
    ),
    "architecture dropped": Row(
        both(
            entry("architectures", lambda names: names.remove("baseline")),
            sql(
                "DELETE FROM proposals WHERE sweep = {made} AND architecture = 'baseline'",
                "DELETE FROM members WHERE sweep = {made} AND architecture = 'baseline'",
            ),
        ),
        "architectures: ['lenet', 'mine'] recorded, ['baseline', 'lenet', 'mine'] derived",
    ),
    "architecture dropped, its trials kept": Row(
        entry("architectures", lambda names: names.remove("baseline")),
        "architectures: ['lenet', 'mine'] recorded",
    ),
    "architectures reordered": Row(
        entry("architectures", lambda names: names.reverse()), "architectures of the sweep file"
    ),
    "architecture added": Row(
        entry("architectures", lambda names: names.append("vgg")),
        "architectures: ['baseline', 'lenet', 'mine', 'vgg']",
    ),
}

DATASET = {
    "classes swapped": Row(entry("dataset", lambda data: data["classes"].reverse()), "dataset: classes"),
    "class renamed": Row(entry("dataset", put("classes", 0, value="cow")), "dataset: classes"),
    "samples": Row(entry("dataset", put("samples", value=61)), "dataset: images 61 recorded, 60 here"),
    "name": Row(entry("dataset", put("name", value="mnist")), "dataset: name mnist recorded"),
    "largest pixel": Row(entry("dataset", put("pixel_max", value=1.0)), "dataset: pixel_max 1.0 recorded"),
    "shape": Row(entry("dataset", put("input_shape", value=[8, 4, 2])), "dataset: shape [8, 4, 2] recorded"),
    "fingerprint": Row(entry("dataset", flip("fingerprint")), "dataset fingerprint"),
    "groups": Row(entry("dataset", put("groups", value=20)), "dataset: groups 20 recorded, nothing here"),
    "given folds": Row(entry("dataset", put("folds", value=3)), "dataset: folds 3 recorded, nothing here"),
    "fingerprint of the exam": Row(entry("dataset", flip("exam", "fingerprint")), "exam.fingerprint "),
    "images of the exam": Row(
        entry("dataset", put("exam", "samples", value=13)), "exam.samples 13 recorded, 12 here"
    ),
    "origin of the exam": Row(
        entry("dataset", put("exam", "origin", value="0.2 of the images, set aside")),
        "exam.origin 0.2 of the images",
    ),
    "groups of the exam": Row(entry("dataset", put("exam", "groups", value=4)), "exam.groups 4 recorded"),
    "exam removed": Row(entry("dataset", put("exam", value=None)), "exam nothing recorded"),
    "share of the exam": Row(
        entry("details", put("dataset", "exam", value=0.3)), "dataset.exam of the sweep file"
    ),
    "patterns of groups": Row(
        entry("details", put("dataset", "groups", value="(a)")), "dataset.groups of the sweep file"
    ),
    "images left out": Row(
        entry("details", put("dataset", "exclude", value="none.txt")), "dataset.exclude of the sweep file"
    ),
    "source": Row(
        entry("details", put("dataset", "source", value="digits")), "dataset.source of the sweep file"
    ),
    "experiment": Row(entry("details", put("experiment", value="x")), "experiment of the sweep file"),
    "code": Row(
        entry("details", put("sources", "mine", "files", 0, 1, value="import os")),
        "mine: architecture source: digest",
    ),
    "code for a built-in": Row(
        entry("details", lambda data: data["sources"].update(lenet=data["sources"]["mine"])),
        "sources.lenet of the sweep file",
    ),
    "samples of another type": Row(
        entry("details", put("dataset", "samples", value={})), "dataset.samples of the sweep file"
    ),
    "code that is no text": Row(
        entry("details", put("sources", "mine", "files", 0, 0, value={})), "is damaged (TypeError)"
    ),
    "code removed": Row(entry("details", drop("sources", "mine")), "sources.mine of the sweep file"),
}

FITS = {
    "seed of a fit": Row(spec(put("seeds", "order", value=5)), "seeds.order"),
    "split seed": Row(spec(put("seeds", "split", value=5)), "seeds.split"),
    "folds of a fit": Row(spec(put("folds", value=4)), "folds: 4 recorded, 3 derived"),
    "hyperparameter of a fit": Row(spec(last_digit), "hyperparameter learning_rate"),
    "key of a result": Row(run(flip("result", "key")), "fit key"),
    "parts": Row(run(flip("result", "parts_sha256")), "folds and stop set"),
    "score": Row(run(put("result", "f1", value=0.999)), "score: 0.999 recorded"),
    "confusion matrix": Row(run(put("result", "confusion", 0, 0, value=1)), "confusion matrix"),
    "stop score": Row(run(put("result", "epochs", 0, "stop_f1", value=0.999)), "best epoch"),
    "learning rate of a fit without a schedule": Row(
        run(put("result", "epochs", 0, "learning_rate", value=0.001)), "learning rate of epoch 1"
    ),
    "best epoch": Row(run(put("result", "best_epoch", value=1)), "best epoch: 1 recorded"),
    "best weights": Row(run(flip("result", "weights_sha256")), "weights"),
    "complete for pruned": Row(
        run(put("result", "state", value="pruned"), position=2), "state: pruned recorded, complete"
    ),
    "predictions": Row(
        sql(f"UPDATE fits SET predictions = x'0000' WHERE {key_of('lenet/0', 0)}"), "number of pred"
    ),
    "confidences": Row(
        sql(f"UPDATE fits SET confidences = x'00000000' WHERE {key_of('lenet/0', 0)}"),
        "number of confidences",
    ),
    "other predictions": Row(
        sql(f"UPDATE fits SET predictions = zeroblob(length(predictions)) WHERE {key_of('lenet/0', 0)}"),
        "confusion matrix",
    ),
    **{
        f"another {package}": Row(
            run(put("environment", "packages", package, value="0.1")), f"{package}: 0.1"
        )
        for package in ("tensorflow", "keras", "numpy", "optuna", "scikit-learn")
    },
    "two threads": Row(run(put("environment", "switches", "intra_op_threads", value=2)), "intra_op_threads"),
    "a version that is not there": Row(
        run(drop("environment", "packages", "keras")), "is damaged (KeyError)"
    ),
    "op determinism off": Row(
        run(put("environment", "switches", "op_determinism", value=False)), "op_determinism"
    ),
    "oneDNN off": Row(
        run(put("environment", "variables", "TF_ENABLE_ONEDNN_OPTS", value="0")), "ONEDNN_OPTS"
    ),
    "oneDNN capped": Row(
        run(put("environment", "variables", "ONEDNN_MAX_CPU_ISA", value="AVX2")), "ONEDNN_MAX_CPU_ISA"
    ),
    "outcome of a winner": Row(failed("lenet/0", 0), "lenet/0: state: it has fits for the comparison"),
    "outcome that thresholds saw": Row(failed("baseline/0", 2), "baseline/1: thresholds: "),
    "hyperparameters of a trial and of its fits": Row(retuned, "lenet/3: proposal of learning_rate: 0.005"),
}

TRAINING = {
    "initial weights": Row(run(flip("result", "initial_weights_sha256")), "initial weights", everything=True),
    "weights of an epoch": Row(
        run(flip("result", "epochs", 0, "weights_sha256")), "weights after epoch 1", everything=True
    ),
    "loss": Row(run(put("result", "epochs", 0, "loss", value=0.5)), "loss of epoch 1", everything=True),
    "probabilities": Row(run(flip("result", "probabilities_sha256")), "probabilities", everything=True),
    "predictions removed": Row(emptied("lenet/0", 0), "predictions", everything=True),
    "another failure": Row(
        run(put("result", "reason", value="the loss became NaN"), "baseline/2", 1), "reason", everything=True
    ),
    "last outcome": Row(
        failed("baseline/3", 2),
        "baseline/3 fold 2: state: failed recorded, complete trained again",
        everything=True,
    ),
    "fit of a comparison": Row(
        edited(
            "fits",
            "run",
            "key = (SELECT key FROM further_fits WHERE purpose = 'comparison' LIMIT 1)",
            flip("result", "probabilities_sha256"),
        ),
        "comparison fit 0: probabilities",
        everything=True,
    ),
}

CIRCUMSTANCES = {
    "winner stopped": Row(stopped("lenet/0", 0), "time: stopped after 5 min"),
    "winner stopped, checksum left": Row(stopped("lenet/0", 0), "time: stopped after 5 min", resealed=False),
    "winner stopped, explained": Row(
        both(stopped("baseline/3", 2), run(explain, "baseline/3", 2)),
        "baseline/3 fold 2: state: failed recorded, stopped after 5 min",
        everything=True,
    ),
    "winner stopped, explained, checksum left": Row(
        both(stopped("baseline/3", 2), run(explain, "baseline/3", 2)),
        "baseline/3 fold 2: state: failed recorded",
        resealed=False,
    ),
    "host of a stop": Row(run(put("timing", "host", value=""), "mine/1", 1), "mine/1 fold 1: host"),
    "time of a stop": Row(
        run(put("timing", "started_at", value=1.79e9 + 290), "mine/1", 1), "mine/1 fold 1: time"
    ),
    "reason of a stop": Row(run(put("result", "reason", value="slow"), "mine/1", 1), "mine/1 fold 1: reason"),
    "limit of a stop": Row(
        run(put("result", "reason", value="was stopped after a while"), "mine/1", 1), "mine/1 fold 1: limit"
    ),
    "cause of a stop": Row(
        run(put("stopped_for", value=None), "mine/1", 1), "mine/1 fold 1: cause of the stop"
    ),
    "result of a stop": Row(run(put("result", "best_epoch", value=1), "mine/1", 1), "mine/1 fold 1: result"),
    "times of epochs": Row(run(put("timing", "epoch_seconds", value=[1.0])), "times of epochs"),
    "time of a fit": Row(
        run(put("timing", "ended_at", value=1.0)), "checksum: its record was", resealed=False
    ),
    "time of a stop, checksum left": Row(
        run(put("timing", "ended_at", value=1.79e9 + 400), "mine/1", 1),
        "mine/1 fold 1: state",
        resealed=False,
    ),
}

MUTATIONS: dict[str, Row] = {
    f"{group}: {name}": row
    for group, rows in {
        "identity": IDENTITY,
        "text": TEXT,
        "trials": TRIALS,
        "dataset": DATASET,
        "fits": FITS,
        "training": TRAINING,
        "circumstances": CIRCUMSTANCES,
        "beside": BESIDE,
        "exports": EXPORTS,
        "reports": REPORTS,
        "seal": SEAL,
    }.items()
    for name, row in rows.items()
}
