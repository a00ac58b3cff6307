"""Changes to what was concluded from a record: fits beside the search, exported models, reports."""

from typing import Any

from tests.record_changes import Change, Edit, Row, both, drop, edited, flip, put, sql
from tests.varied_sweep import NAME


def card(edit: Edit, how: str = "refit") -> Change:
    """Return what edits the description of an exported model."""
    return edited("exports", "card", f"sweep = '{NAME}' AND card ->> '$.how' = '{how}'", edit)


def described(edit: Edit, how: str = "refit") -> Change:
    """Return what edits the description of an exported model whose folder is gone: nothing else has it."""
    return both(card(edit, how), card_of_gone(how))


def card_of_gone(how: str) -> Change:
    """Return what says that a model is in a folder that is not there."""
    return sql(
        f"UPDATE exports SET card = json_set(card, '$.folder', '/gone') WHERE sweep = {{made}} "
        f"AND (card ->> '$.how' = '{how}' OR card ->> '$.how' NOT IN ('refit', 'ensemble'))"
    )


def report(edit: Edit, name: str = "comparison") -> Change:
    """Return what edits the content of a report."""
    return edited("reports", "content", f"name = '{name}'", edit)


def examined(data: Any) -> None:
    """Give an exported model a score on a test set."""
    known = ("images", "f1", "accuracy", "confusion")
    score = {name: data["scores"]["cross_validation"][name] for name in known}
    data["scores"]["test"] = score | {"fingerprint": "f"}


def reweighted(data: Any) -> None:
    """Give a refit other weights, everywhere in its description."""
    data["weights_sha256"] = data["fits"][0]["weights_sha256"] = "f" * 64


def own_score(data: Any) -> None:
    """Say that a model that was trained on the exam has the smaller training's score."""
    data["scores"]["test"] = data["scores"]["smaller_training"]


LENET = "sweep = {made} AND architecture = 'lenet'"

REFIT = "key = (SELECT key FROM further_fits WHERE purpose = 'exam' AND position = 0 LIMIT 1)"

DELETE_UNASKED = (
    "DELETE FROM fits WHERE key NOT IN (SELECT key FROM members UNION SELECT key FROM further_fits)"
)

BESIDE = {
    "fit of a comparison dropped": Row(
        sql(f"DELETE FROM further_fits WHERE {LENET} AND purpose = 'comparison' AND position = 1"),
        "lenet/0 comparison fit 1: fit: the record does not ask for it",
    ),
    "repeat of a comparison dropped": Row(
        sql(
            f"DELETE FROM further_fits WHERE {LENET} AND purpose = 'comparison' AND position > 2",
            DELETE_UNASKED,
        ),
        "report comparison: content: it does not follow from the recorded fits: lenet: 3 of 6",
    ),
    "key of a fit of a comparison": Row(
        sql(f"UPDATE further_fits SET key = '0' WHERE {LENET} AND purpose = 'comparison' AND position = 5"),
        "lenet/0 comparison fit 5: fit key",
    ),
    "fits of another purpose": Row(
        sql(f"UPDATE further_fits SET purpose = 'other' WHERE {LENET} AND purpose = 'comparison'"),
        "lenet/0 other fit 0: fit: the plan has no such fit",
    ),
    "fits of another trial": Row(
        sql(f"UPDATE further_fits SET number = 1 WHERE {LENET} AND purpose = 'comparison'"),
        "lenet/1 comparison fit 0: hyperparameter",
    ),
    "row of a variance analysis dropped": Row(
        sql(f"DELETE FROM further_fits WHERE {LENET} AND purpose = 'variance' AND position > 17"),
        "lenet/0 variance fit 18: fit: the record does not ask for it",
    ),
    "refit on the exam dropped": Row(
        sql(f"DELETE FROM further_fits WHERE {LENET} AND purpose = 'exam' AND position = 1", DELETE_UNASKED),
        "lenet/0 exam fit 1: fit: the record does not ask for it",
    ),
    "last refit on the exam dropped": Row(
        sql(f"DELETE FROM further_fits WHERE {LENET} AND purpose = 'exam' AND position = 2", DELETE_UNASKED),
        "report exam: content: it does not follow from the recorded fits: lenet: 2 of 3 refits",
    ),
    "key of a refit on the exam": Row(
        sql(
            f"UPDATE further_fits SET key = '0' WHERE {LENET} AND purpose = 'exam' AND position = 2",
            DELETE_UNASKED,
        ),
        "lenet/0 exam fit 2: fit key",
    ),
    "refits of another trial": Row(
        sql(f"UPDATE further_fits SET number = 1 WHERE {LENET} AND purpose = 'exam'"),
        "lenet/1: state: it has fits for the exam, and it is pruned",
    ),
    "score of a refit on the exam": Row(
        edited("fits", "run", REFIT, put("result", "f1", value=0.99)),
        "exam fit 0: score: 0.99 recorded",
    ),
    "weights of a refit on the exam": Row(
        edited("fits", "run", REFIT, flip("result", "weights_sha256")),
        "exam fit 0: weights: ",
    ),
    "confusion matrix of a refit on the exam": Row(
        edited("fits", "run", REFIT, put("result", "confusion", 0, 0, value=99)),
        "exam fit 0: confusion matrix: ",
    ),
    "number of weights of a refit": Row(
        edited("fits", "run", REFIT, put("result", "parameters", value=3)),
        "number of weights: 3 recorded",
        resealed=False,
        everything=True,
    ),
    "score of a fit of a comparison": Row(
        edited(
            "fits",
            "run",
            "key = (SELECT key FROM further_fits WHERE purpose = 'comparison' LIMIT 1)",
            put("result", "f1", value=0.99),
        ),
        "comparison fit 0: score: 0.99 recorded",
    ),
}

EXPORTS = {
    "score": Row(
        described(put("scores", "cross_validation", "f1", value=0.99)), "scores.cross_validation.f1: 0.99"
    ),
    "confusion matrix": Row(
        described(put("scores", "cross_validation", "confusion", 0, 0, value=99)),
        "scores.cross_validation.confusion",
    ),
    "test score that nobody measured": Row(
        card(examined, "ensemble"),
        "scores.test in model.json",
    ),
    "score on the exam": Row(described(put("scores", "test", "f1", value=0.99)), "test.f1: 0.99 recorded"),
    "interval on the exam": Row(
        described(put("scores", "test", "low", value=0.9)), "scores.test.low: 0.9 recorded"
    ),
    "difference from the runner-up": Row(
        described(put("scores", "test", "runner_up", "low", value=0.1)), "scores.test.runner_up.low: 0.1"
    ),
    "p against the runner-up": Row(
        described(put("scores", "test", "runner_up", "p", value=0.01)), "scores.test.runner_up.p: 0.01"
    ),
    "score of the smaller training": Row(
        described(put("scores", "smaller_training", "f1", value=0.99), "refit-all"),
        "scores.smaller_training.f1: 0.99 recorded",
    ),
    "another exam of the smaller training": Row(
        described(put("scores", "smaller_training", "fingerprint", value="f" * 64), "refit-all"),
        "scores.smaller_training.fingerprint: ",
    ),
    "the smaller training's score as the model's own": Row(
        described(own_score, "refit-all"), "scores: refit-all has no such scores"
    ),
    "no score of the smaller training": Row(
        described(drop("scores", "smaller_training"), "refit-all"), "scores: refit-all has no such scores"
    ),
    "images of a training on the exam too": Row(
        described(put("fits", 0, "spec", "dataset", value="f" * 64), "refit-all"), ": fits: "
    ),
    "weights of a refit that the exam has scored": Row(described(reweighted), ": fits: "),
    "weights": Row(described(flip("weights_sha256")), "weights_sha256"),
    "weights of a fold": Row(described(flip("fits", 0, "weights_sha256"), "ensemble"), ": fits: "),
    "epochs of a refit": Row(described(put("fits", 0, "epochs", value=9)), ": fits: "),
    "seeds of a refit": Row(described(put("fits", 0, "spec", "seeds", "order", value=9)), ": fits: "),
    "another trial": Row(described(put("trial", value=1)), "trial: refit of lenet/1, which is pruned"),
    "a trial that is not there": Row(described(put("trial", value=9)), "card: it does not describe a model"),
    "another way": Row(described(put("how", value="other")), "trial: other of lenet/0"),
    "key": Row(described(flip("key")), ": key: "),
    "name": Row(described(put("name", value="other")), ": name: other recorded"),
    "sweep": Row(described(put("sweep", value="other")), ": sweep: other recorded"),
    "seed": Row(described(put("seed", value=9)), ": seed: 9 recorded"),
    "hyperparameter": Row(
        described(put("hyperparameters", "optimizer", value="none")), "hyperparameters.optimizer"
    ),
    "classes": Row(described(lambda data: data["classes"].reverse()), ": classes: "),
    "images": Row(described(put("dataset", "images", value=9)), "dataset.images: 9 recorded"),
    "shape": Row(described(put("input_shape", value=[8, 4, 2])), "input_shape"),
    "largest pixel": Row(described(put("pixel_max", value=1.0)), "pixel_max: 1.0 recorded"),
    "colour": Row(described(put("colour", value="rgb")), "colour: rgb recorded"),
    "version": Row(described(put("versions", "keras", value="1")), "versions.keras: 1 recorded"),
    "what it was compared on": Row(card(put("compared_on", value="nothing")), "compared_on in model.json"),
    "proof": Row(
        card(put("formats", "keras", "ties", value=3)), "formats.keras.ties in model.json: 3 recorded"
    ),
    "size of a file": Row(
        card(put("formats", "keras", "bytes", value=3)), "formats.keras.bytes in model.json"
    ),
    "a list": Row(sql("UPDATE exports SET card = '[1]'"), "card: it does not describe a model"),
    "no card": Row(card(drop("fits")), "card: it does not describe a model"),
}

REPORTS = {
    "conclusion": Row(
        report(put("conclusion", value="lenet wins")), "report comparison: conclusion: lenet wins"
    ),
    "verdict": Row(
        report(put("pairs", 0, "verdict", value="equivalent")), "report comparison: pairs.0.verdict"
    ),
    "probability": Row(report(put("pairs", 0, "p_holm", value=0.001)), "report comparison: pairs.0.p_holm"),
    "score": Row(report(put("architectures", 0, "scores", 0, value=0.5)), "architectures.0.scores.0: 0.5"),
    "rope": Row(report(put("rope", value=0.1)), "report comparison: "),
    "repeats": Row(report(put("repeats", value=3)), "report comparison: content: it does not follow"),
    "claim": Row(report(put("claim", value="this-data")), "report comparison: "),
    "dataset": Row(report(put("dataset", "samples", value=6000)), "report comparison: dataset.samples: 6000"),
    "architecture removed": Row(report(drop("architectures", 2)), "report comparison: architectures: "),
    "part removed": Row(report(drop("alpha")), "report comparison: alpha: nothing recorded"),
    "part added": Row(report(put("approved", value=True)), "report comparison: approved: True recorded"),
    "no content": Row(
        sql("UPDATE reports SET content = '[]' WHERE name = 'comparison'"), "report comparison: content"
    ),
    "page": Row(
        sql("UPDATE reports SET page = replace(page, 'has the highest', 'has the lowest')"),
        "report comparison: page: …",
    ),
    "page emptied": Row(sql("UPDATE reports SET page = ''"), "report comparison: page: nothing recorded"),
    "another name": Row(sql("UPDATE reports SET name = 'best' WHERE page = ''"), "report best: name"),
    "deviation": Row(report(put("deviation", value=0.5), "variance-lenet"), "variance-lenet: deviation: 0.5"),
    "rows": Row(
        report(put("rows", value=5), "variance-lenet"), "report variance-lenet: content: it does not"
    ),
    "another trial": Row(report(put("trial", value=1), "variance-lenet"), "report variance-lenet: content"),
    "share": Row(
        report(put("sources", "order", "deviation", value=0.5), "variance-lenet"),
        "report variance-lenet: sources.order.deviation: 0.5",
    ),
    "share of the hyperparameters": Row(
        report(put("hyperparameters", "share", value=0.5), "variance-lenet"),
        "report variance-lenet: hyperparameters.share: 0.5",
    ),
    "pruned trials of the hyperparameters' part": Row(
        report(put("hyperparameters", "pruned_unscored", value=9), "variance-lenet"),
        "report variance-lenet: hyperparameters.pruned_unscored: 9",
    ),
    "best set of the exam": Row(report(put("best", value=[]), "exam"), "report exam: best: "),
    "verdict of the exam": Row(
        report(put("verdict", value="lenet wins"), "exam"), "report exam: verdict: lenet wins"
    ),
    "regret of the exam": Row(
        report(put("architectures", 0, "regret_high", value=0.0), "exam"),
        "report exam: architectures.0.regret_high: 0.0",
    ),
    "score on the exam": Row(
        report(put("architectures", 0, "score", value=0.99), "exam"), "architectures.0.score: 0.99"
    ),
    "pair of the exam": Row(
        report(put("pairs", 0, "verdict", value="equivalent"), "exam"), "report exam: pairs.0.verdict"
    ),
    "fixed region of the exam": Row(
        report(put("rope_fixed", value=0.1), "exam"), "report exam: rope_fixed: 0.1 recorded"
    ),
    "openings of the exam": Row(
        report(put("openings", value=[{"sweep": "x"}]), "exam"), "report exam: openings"
    ),
    "refits of the exam": Row(report(put("refits", value=9), "exam"), "report exam: content: it does not"),
    "remarks of the exam": Row(report(put("remarks", value=[]), "exam"), "report exam: remarks"),
    "page of the exam": Row(
        sql(
            "UPDATE reports SET page = replace(page, '95 % confidence', '99 % confidence') "
            "WHERE name = 'exam'"
        ),
        "report exam: page: …",
    ),
    "page of a variance analysis": Row(
        sql("UPDATE reports SET page = 'x' WHERE name = 'variance-lenet'"), "report variance-lenet: page"
    ),
}
