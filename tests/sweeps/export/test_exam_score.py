"""The exam score of an exported model: for that model, with its rivals counted, in words that say so."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from rich.console import Console

from sweeps.analysis.best_trial import pick, rank
from sweeps.analysis.context import AnalysisContext
from sweeps.analysis.exam.experiment import compare
from sweeps.analysis.statistics.clustered import scored
from sweeps.export.about import ExamScore, ModelAbout
from sweeps.export.exam_score import models_of, score_on
from sweeps.export.exam_words import interval_in_words, refits_in_words, runner_up_in_words
from sweeps.export.model_card import card, to_json
from sweeps.export.recorded_sweep import _open
from sweeps.export.selection import choose
from sweeps.home import Home
from tests.exported_model import about
from tests.labelled_trainer import LabelledWorkers, record_sweep
from tracking.ledger.ledger import Ledger
from tracking.records import Opening, SweepRecord, TrialRecord
from trainer.datasets import Dataset, open_stored

CHANCES = {"lenet": 0.95, "baseline": 0.8, "vgg": 0.6}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a sweep whose three winners were compared on its exam of 30 images."""
    home = record_sweep(tmp_path_factory.mktemp("recorded"), LabelledWorkers(CHANCES), *CHANCES)

    @contextmanager
    def start() -> Iterator[LabelledWorkers]:
        yield LabelledWorkers(CHANCES)

    compare(
        AnalysisContext(
            home=Home(home), workers=2, tracking_uri="http://127.0.0.1:9", start_workers=start,
            console=Console(file=io.StringIO()),
        ),
        "made",
        refits=4,
    )  # fmt: skip
    return home


@pytest.fixture(scope="module")
def record(home: Path) -> SweepRecord:
    """What is recorded."""
    with Ledger.read(home) as ledger:
        return ledger.sweep("made")


@pytest.fixture(scope="module")
def exam(home: Path, record: SweepRecord) -> Dataset:
    """Its exam."""
    assert record.dataset.exam is not None
    return open_stored(home / "datasets" / record.dataset.exam.fingerprint)


def first(record: SweepRecord, trial: TrialRecord) -> np.ndarray:
    """Return what the exported refit of a winner says of the exam's images."""
    return record.examined[trial.architecture, trial.number][0].run.result.predicted_classes()


def scored_on(record: SweepRecord, exam: Dataset, trial: TrialRecord | None = None) -> ExamScore:
    """Return the exam score of a winner's exported model; of the best one's if none is named."""
    chosen = trial or pick(record)
    return score_on(exam, record, chosen, first(record, chosen))


def test_the_interval_is_wider_by_the_models_that_one_could_have_chosen(
    record: SweepRecord, exam: Dataset
) -> None:
    """Each of three intervals misses in 5 / 3 of 100 cases, so that all three hold in 95."""
    found, trial = scored_on(record, exam), pick(record)
    alone = scored(exam.labels, first(record, trial), classes=3).f1
    assert found.of_models == 3
    assert found.level == pytest.approx(1 - 0.05 / 3)
    assert found.low is not None
    assert found.high is not None
    assert found.low < alone.low < found.f1 < alone.high < found.high
    assert "95 % interval" in str(interval_in_words(found))
    assert "at the same time for the 3 models that could have been chosen" in str(interval_in_words(found))
    single = score_on(exam, replace(record, examined={}), trial, first(record, trial))
    assert (single.low, single.high, single.of_models) == (alone.low, alone.high, 1)
    assert "at the same time" not in str(interval_in_words(single))
    assert (single.refits, single.runner_up) == (None, None)


def test_a_trial_that_was_not_examined_was_not_chosen_by_the_exam(record: SweepRecord) -> None:
    """Its score stands alone."""
    winners = {winner.name for winner in record.winners}
    other = next(trial for trial in record.trials if trial.name not in winners)
    assert (models_of(record, other), models_of(record, record.winners[0])) == (1, 3)


def test_the_mean_of_the_refits_is_told_with_their_seeds(record: SweepRecord, exam: Dataset) -> None:
    """All of them, this model's among them; never the highest of them in its place."""
    found, trial = scored_on(record, exam), pick(record)
    scores = [fit.run.result.f1 or 0.0 for fit in record.examined[trial.architecture, trial.number]]
    assert found.refits is not None
    assert found.refits.count == 4
    assert found.refits.mean == pytest.approx(fmean(scores))
    assert found.refits.low is not None
    assert found.refits.high is not None
    assert 0 <= found.refits.low < found.refits.mean < found.refits.high <= 1
    assert "4 refits of this trial, each with other seeds, score" in str(refits_in_words(found))
    same = replace(found, refits=replace(found.refits, low=None, high=None))
    assert str(refits_in_words(same)).endswith("all of them")


def test_the_runner_up_is_the_next_by_the_same_ranking(record: SweepRecord, exam: Dataset) -> None:
    """Its exported model against this one, image by image; against a named one, the best other winner."""
    best, second, third = rank(record).winners
    found = scored_on(record, exam).runner_up
    assert found is not None
    assert (found.trial, found.of_pairs) == (second.name, 3)
    assert found.level == pytest.approx(1 - 0.05 / 3)
    right = [first(record, each) == exam.labels for each in (best, second)]
    assert found.only_this_right == int((right[0] & ~right[1]).sum())
    assert found.only_other_right == int((~right[0] & right[1]).sum())
    assert found.low < found.difference < found.high
    assert found.p is not None
    words = str(runner_up_in_words(scored_on(record, exam)))
    assert "at the same time for 3 pairs of models" in words
    assert "McNemar's exact test for this pair alone" in words
    for other in (second, third):
        against = scored_on(record, exam, other).runner_up
        assert against is not None
        assert against.trial == best.name
    mirrored = scored_on(record, exam, second).runner_up
    assert mirrored is not None
    assert mirrored.difference == pytest.approx(-found.difference)


def test_groups_count_in_place_of_images(record: SweepRecord, exam: Dataset) -> None:
    """And there is no p, because McNemar's test takes images as independent."""
    grouped = replace(exam, groups=np.arange(30, dtype=np.int32) // 3)
    fits = {
        place: tuple(replace(fit, spec=replace(fit.spec, exam=grouped.fingerprint)) for fit in each)
        for place, each in record.examined.items()
    }
    trial = pick(record)
    found = score_on(grouped, replace(record, examined=fits), trial, first(record, trial))
    assert found.groups == 10
    assert found.runner_up is not None
    assert found.runner_up.p is None
    assert "in new groups (10 groups count, not images)" in str(interval_in_words(found))
    assert "no p, because images of one group are not independent" in str(runner_up_in_words(found))
    elsewhere = score_on(grouped, record, trial, first(record, trial))
    assert elsewhere.runner_up is None  # what is recorded of the other model is of another exam


def test_what_is_said_survives_model_json_and_is_in_the_card(record: SweepRecord, exam: Dataset) -> None:
    """Programs read the same numbers; older files without them are read too."""
    found = scored_on(record, exam)
    made = about(3)
    made = replace(made, scores=replace(made.scores, test=found))
    read = ModelAbout.from_json(json.loads(to_json(made)))
    assert read == made
    written = json.loads(to_json(made))["scores"]["test"]
    assert written["runner_up"].keys() >= {
        "trial", "difference", "low", "high", "only_this_right", "only_other_right", "p"
    }  # fmt: skip
    text = card(made)
    for words in (interval_in_words(found), refits_in_words(found), runner_up_in_words(found)):
        assert str(words) in text
    older = json.loads(to_json(made))
    older["scores"]["test"] = {
        name: written[name] for name in ("images", "f1", "accuracy", "confusion", "fingerprint")
    }
    score = ModelAbout.from_json(older).scores.test
    assert score is not None
    assert (score.low, score.of_models, score.refits, score.runner_up) == (None, None, None, None)
    assert interval_in_words(score) is None
    assert "95 % interval" not in card(ModelAbout.from_json(older))


def test_an_exam_that_compare_has_opened_is_not_opened_now(home: Path, record: SweepRecord) -> None:
    """The same model is opened once: by whom and when is said."""
    assert record.dataset.exam is not None
    fingerprint = record.dataset.exam.fingerprint
    winner = choose(record, record.winners[0], "refit")
    ensemble = choose(record, record.winners[0], "ensemble")
    with Ledger.open(home) as ledger:
        before: tuple[Opening, ...] = ledger.openings(fingerprint)
        assert _open(ledger, fingerprint, "made", winner).startswith("opened by compare on 20")
        assert ledger.openings(fingerprint) == before
        assert _open(ledger, fingerprint, "made", ensemble) == "opened now"
        assert _open(ledger, fingerprint, "made", ensemble).startswith("opened by export on 20")
        assert len(ledger.openings(fingerprint)) == len(before) + 1
