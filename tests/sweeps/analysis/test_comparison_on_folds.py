"""Comparison: fair to every architecture, resumable, and never surer than its numbers."""

import io
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sweeps.analysis.context import AnalysisContext
from sweeps.analysis.folds import tables, wording
from sweeps.analysis.folds.comparison import (
    Comparison,
    ComparisonSettings,
    compare,
    further_fits,
    out_of_fold,
    recorded_repeats,
)
from sweeps.analysis.folds.experiment import compare as study
from sweeps.analysis.folds.page import page as page_of
from sweeps.analysis.folds.planning import lines as plan_lines
from sweeps.analysis.folds.planning import plan
from sweeps.analysis.folds.report import ComparisonReport
from sweeps.analysis.statistics.paired_t import estimate
from sweeps.definition.identity import plan_of
from sweeps.home import Home
from sweeps.verification.selection import FitSelection
from sweeps.verification.verify import verify
from tests.labelled_trainer import (
    FOLDS,
    IMAGES,
    CollapsedWorkers,
    LabelledWorkers,
    record,
    record_sweep,
    sweep_of_table,
)
from tests.made_up_records import begun_alike
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord
from trainer.datasets import Dataset, open_stored
from trainer.errors import UsageError
from trainer.fits.specs import PROCEDURE

CHANCES = {"lenet": 0.97, "baseline": 0.7, "vgg": 0.68}
NAMES = tuple(CHANCES)
#: Nobody listens there: what MLflow would say is tested elsewhere.
NO_MLFLOW = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished sweep of three architectures."""
    folder = tmp_path_factory.mktemp("recorded")
    record_sweep(folder, LabelledWorkers(CHANCES), *NAMES)
    return folder


@pytest.fixture
def home(recorded: Path, tmp_path: Path) -> Path:
    """A copy of its home that a test may add to."""
    shutil.copytree(recorded / "home", tmp_path / "home")
    return tmp_path / "home"


def around(home: Path, workers: LabelledWorkers) -> AnalysisContext:
    """What a study needs, with those workers."""

    @contextmanager
    def start() -> Iterator[LabelledWorkers]:
        yield workers

    console = Console(file=io.StringIO(), width=200)
    return AnalysisContext(
        home=Home(home), workers=2, tracking_uri=NO_MLFLOW, console=console, start_workers=start
    )


def read(home: Path) -> SweepRecord:
    """Return what the ledger holds."""
    with Ledger.read(home) as ledger:
        return ledger.sweep("made")


def images_of(home: Path) -> Dataset:
    """Return the images of the search."""
    return open_stored(home / "datasets" / read(home).dataset.fingerprint)


def as_json(found: Comparison) -> str:
    """Return a comparison as JSON; NaN and infinity raise."""
    return json.dumps(wording.to_json(found), allow_nan=False)


def test_all_architectures_meet_the_same_seeds(home: Path) -> None:
    """Differences are paired: splits, stop sets, initialisation, order and dropout; and all are fresh."""
    with Ledger.read(home) as ledger:
        record, entry = ledger.sweep("made"), ledger.entry("made")
    assert entry is not None
    wanted = further_fits(record, plan_of(entry), 2)
    assert len(wanted) == 3
    for position in range(2 * FOLDS):
        specs = [further.specs[position] for further in wanted]
        assert len({spec.seeds for spec in specs}) == 1
        assert {(spec.repeat, spec.fold) for spec in specs} == {(1 + position // FOLDS, position % FOLDS)}
    searched = {seed for trial in record.trials for fold in trial.folds for seed in seeds(fold.spec)}
    fresh = {seed for further in wanted for spec in further.specs.values() for seed in seeds(spec)}
    assert not searched & fresh
    for further in wanted:
        for spec in further.specs.values():
            assert dict(spec.hyperparameters) == further.trial.hyperparameters
            assert replace(spec, repeat=0, fold=0, seeds=further.trial.folds[0].spec.seeds) == replace(
                further.trial.folds[0].spec, fold=0
            )


def seeds(spec: Any) -> set[int]:
    """Return all seeds of a fit."""
    return {getattr(spec.seeds, name) for name in ("split", "stop", "initialisation", "order", "dropout")}


def test_a_clear_difference_is_found_and_a_small_one_is_not(home: Path) -> None:
    """97 % against 70 % is called better, 70 % against 68 % is not; everything is on paper."""
    found = study(around(home, LabelledWorkers(CHANCES)), "made", repeats=4)
    assert found.contenders[0].architecture == "lenet"
    verdicts = {(pair.one, pair.other): pair.verdict for pair in found.pairs}
    assert verdicts["lenet", "baseline"] == verdicts["lenet", "vgg"] == "better"
    (open_pair,) = [pair for pair in found.pairs if "lenet" not in (pair.one, pair.other)]
    assert open_pair.verdict == "undecided"
    best = found.contenders[0]
    assert best.confirmed.low < best.confirmed.mean < best.confirmed.high
    assert best.trials == 2
    assert len(best.scores) == 4 * FOLDS
    said = json.loads(as_json(found))
    assert said["pairs"][0]["verdict_in_words"].startswith("lenet is better than ")
    assert "undecided" in said["conclusion"] or "better than" in said["conclusion"]


def test_a_second_time_nothing_is_trained(home: Path) -> None:
    """More repeats train only what is missing; fewer are asked of the record."""
    first = LabelledWorkers(CHANCES)
    study(around(home, first), "made", repeats=2)
    assert len(first.trained) == 2 * FOLDS * len(NAMES)
    more = LabelledWorkers(CHANCES)
    found = study(around(home, more), "made", repeats=3)
    assert len(more.trained) == FOLDS * len(NAMES)
    none = LabelledWorkers(CHANCES)
    assert as_json(study(around(home, none), "made", repeats=3)) == as_json(found)
    study(around(home, none), "made", repeats=2, claim="this-data")
    assert none.trained == []
    assert recorded_repeats(read(home)) == 3


def test_an_interrupted_comparison_goes_on(home: Path, recorded: Path, tmp_path: Path) -> None:
    """Ctrl-C loses no fit that has ended, and the answer is the one of an uninterrupted comparison."""
    with pytest.raises(KeyboardInterrupt):
        study(around(home, LabelledWorkers(CHANCES, interrupt_after=7)), "made", repeats=2)
    assert sum(len(trial.folds) for trial in read(home).confirmed) == 7
    assert {trial.state for trial in read(home).confirmed} <= {"running", "complete"}
    assert read(home).reports == {}
    rest = LabelledWorkers(CHANCES)
    found = study(around(home, rest), "made", repeats=2)
    assert len(rest.trained) == 2 * FOLDS * len(NAMES) - 7
    shutil.copytree(recorded / "home", tmp_path / "other")
    whole = study(around(tmp_path / "other", LabelledWorkers(CHANCES)), "made", repeats=2)
    assert as_json(found) == as_json(whole)


def test_the_sweep_itself_stays_as_it_is(home: Path) -> None:
    """Its digest, its trials and its winners; the report is kept beside them."""
    before = read(home)
    found = study(around(home, LabelledWorkers(CHANCES)), "made", repeats=2)
    after = read(home)
    assert (after.digest, after.trials) == (before.digest, before.trials)
    assert {trial.architecture for trial in after.confirmed} == set(NAMES)
    assert json.loads(after.reports["comparison"].content) == wording.to_json(found)
    assert after.reports["comparison"].page == page_of(found)


def test_mlflow_away_is_said_and_nothing_is_lost(home: Path) -> None:
    """The comparison stands; 'refold sync' catches up."""
    where = around(home, LabelledWorkers(CHANCES))
    study(where, "made", repeats=2)
    assert isinstance(where.shown_on.file, io.StringIO)
    said = where.shown_on.file.getvalue()
    assert "18 fits of 3 architectures, 0 recorded already, 18 to train: about" in said
    assert f"to complete MLflow's record: refold sync made --home {home}" in said


def test_removing_the_sweep_removes_its_further_fits(home: Path) -> None:
    """Nothing of it stays behind."""
    study(around(home, LabelledWorkers(CHANCES)), "made", repeats=2)
    with Ledger.open(home) as ledger:
        ledger.remove_sweep("made")
    connection = sqlite3.connect(home / "ledger.sqlite")
    for table in ("fits", "members", "further_fits", "reports"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    connection.close()


def test_identical_scores_get_a_sentence(recorded: Path, tmp_path: Path) -> None:
    """Two architectures that never err: no spread, no interval, no NaN, no verdict."""
    perfect = {"lenet": 1.0, "baseline": 1.0}
    home = record_sweep(tmp_path, LabelledWorkers(perfect), *perfect)
    found = study(around(home, LabelledWorkers(perfect)), "made", repeats=2)
    (pair,) = found.pairs
    assert (pair.verdict, pair.adjusted_p) == ("undecided", None)
    assert "nan" not in as_json(found).lower()
    words = wording.verdict(pair, found.asked)
    assert "all 6 paired scores differ by exactly 0.00 points, so there is no spread" in words
    assert ">nan<" not in page_of(found).lower()
    with pytest.raises(UsageError, match="equal scores on every fold: there is no spread to plan with"):
        plan(read(home), 0.005)


def test_what_is_hardly_right_is_said_and_not_recorded(home: Path) -> None:
    """A remark on the terminal, in JSON and on the page that is asked for; reports stay as they were."""
    found = study(around(home, CollapsedWorkers(CHANCES, "vgg")), "made", repeats=2)
    (doubt,) = found.doubts
    name = next(each.name for each in found.contenders if each.architecture == "vgg")
    assert doubt.startswith(f"{name}: 6 of 6 fresh fits predict one class ('0') for every image")
    report = ComparisonReport(found)
    assert doubt in repr(report)
    assert report.to_json()["doubts"] == [doubt]
    assert "fresh fits predict one class" in report.page()
    kept = read(home).reports["comparison"]
    assert "fresh fits predict one class" not in kept.content + kept.page


def test_an_architecture_whose_winner_fails_is_left_out(home: Path) -> None:
    """It is named with the reason; the others are compared."""
    found = study(around(home, LabelledWorkers(CHANCES, fails=("vgg", 2, 1))), "made", repeats=2)
    (vgg,) = (trial for trial in read(home).winners if trial.architecture == "vgg")
    why = f"its winner failed ({vgg.name} repeat 2 fold 1): training diverged: made up"
    assert found.left_out == {"vgg": why}
    assert len(found.pairs) == 1
    assert "vgg is left out" in "\n".join(tables.remarks(found))


def test_an_architecture_without_a_complete_trial_is_left_out(home: Path) -> None:
    """Failed and pruned trials do not count, neither as winners nor as choices."""
    study(around(home, LabelledWorkers(CHANCES)), "made", repeats=2)
    record = read(home)
    pruned = tuple(
        replace(trial, state="pruned") if trial.architecture == "vgg" or trial.number == 1 else trial
        for trial in record.trials
    )
    winners = {trial.architecture: trial.number for trial in record.winners}
    confirmed = tuple(replace(trial, number=0) for trial in record.confirmed)
    found = compare(
        replace(record, trials=pruned, confirmed=confirmed), images_of(home), ComparisonSettings(repeats=2)
    )
    assert winners.keys() == set(NAMES)
    assert found.left_out == {"vgg": "none of its trials is complete"}
    assert [contender.trials for contender in found.contenders] == [1, 1]


def test_one_architecture_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    """Its score is confirmed all the same."""
    home = record_sweep(tmp_path, LabelledWorkers(CHANCES), "lenet")
    found = study(around(home, LabelledWorkers(CHANCES)), "made", repeats=2)
    assert found.pairs == ()
    assert wording.headline(found) == [
        "Fewer than two architectures could be confirmed: there is nothing to compare."
    ]
    assert "Pairs" not in page_of(found)
    with pytest.raises(UsageError, match="complete trials of 1 architecture: at least 2 are needed"):
        plan(read(home), 0.005)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"repeats": 1}, "one repeat shows no spread"),
        ({"rope": -0.1}, "--rope -0.1"),
        ({"rope": float("nan")}, "--rope nan"),
        ({"rope": 5.0}, "--rope 5.0: a difference that does not matter is a number from 0 to below 0.5"),
    ],
)
def test_impossible_wishes(home: Path, options: dict[str, Any], words: str) -> None:
    """Said before anything starts."""
    workers = LabelledWorkers(CHANCES)
    with pytest.raises(UsageError, match=words):
        study(around(home, workers), "made", **options)
    assert workers.trained == []


def test_an_unfinished_sweep_has_no_winners_yet(tmp_path: Path) -> None:
    """Confirming a winner that may still change would be wasted."""
    with pytest.raises(KeyboardInterrupt):
        record_sweep(tmp_path, LabelledWorkers(CHANCES, interrupt_after=5), *NAMES)
    with pytest.raises(UsageError, match=r"is not finished \(1 of 6 trials\).*'refold run' continues"):
        study(around(tmp_path / "home", LabelledWorkers(CHANCES)), "made")


def test_fits_that_began_with_the_same_weights_are_said(home: Path) -> None:
    """Where seeds of the network's own defeat those of the fits."""
    found = study(around(home, LabelledWorkers(CHANCES)), "made", repeats=2)
    assert "began with the same weights" not in " ".join(tables.remarks(found))
    recorded = read(home)
    confirmed = tuple(
        begun_alike(trial) if trial.architecture == "vgg" else trial for trial in recorded.confirmed
    )
    again = compare(replace(recorded, confirmed=confirmed), images_of(home), ComparisonSettings(repeats=2))
    (line,) = [line for line in tables.remarks(again) if "began with the same weights" in line]
    assert line.startswith("All fits of vgg/")
    assert wording.to_json(again) == wording.to_json(found)


def test_missing_fits_are_counted(home: Path) -> None:
    """A record without the asked repeats says how many it has."""
    study(around(home, LabelledWorkers(CHANCES)), "made", repeats=2)
    with pytest.raises(UsageError, match="6 of 9 confirmation fits are recorded"):
        compare(read(home), images_of(home), ComparisonSettings(repeats=3))


def test_predictions_that_do_not_fit_the_dataset(home: Path) -> None:
    """A damaged record is named, not misread."""
    trial = read(home).winners[0]
    short = replace(trial.folds[0].run.result, predictions=b"\x00\x00")
    fold = replace(trial.folds[0], run=replace(trial.folds[0].run, result=short))
    with pytest.raises(UsageError, match=r"fold 0 has\s+1 predictions for 40 held-out images"):
        out_of_fold([replace(trial, folds=(fold, *trial.folds[1:]))], images_of(home))


def test_out_of_fold_predictions_are_in_the_datasets_order(home: Path) -> None:
    """Put back in order and pooled, they give the score that the trial is recorded with."""
    record, data = read(home), images_of(home)
    table = out_of_fold(record.trials, data)
    assert table.shape == (IMAGES, len(record.trials))
    for column, trial in enumerate(record.trials):
        assert trial.confusion is not None
        hits = sum(row[index] for index, row in enumerate(trial.confusion))
        assert (table[:, column] == data.labels).sum() == hits


@pytest.mark.parametrize("table", ["fits of the search", "fits beside it"])
def test_changed_fits_are_not_compared(home: Path, table: str) -> None:
    """Whoever edits a score is found out, in the search and beside it; verify names the fit."""
    study(around(home, LabelledWorkers(CHANCES)), "made", repeats=2)
    source = "members" if table == "fits of the search" else "further_fits"
    connection = sqlite3.connect(home / "ledger.sqlite")
    key, run = connection.execute(
        f"SELECT key, run FROM {source} JOIN fits USING (key) ORDER BY architecture, number, position LIMIT 1"
    ).fetchone()
    data = json.loads(run)
    data["timing"]["host"] = "elsewhere"
    connection.execute("UPDATE fits SET run = ? WHERE key = ?", (json.dumps(data), key))
    connection.commit()
    connection.close()
    with pytest.raises(UsageError, match="the record of 1 of the fits of 'made' was changed"):
        study(around(home, LabelledWorkers(CHANCES)), "made", repeats=2)
    if source == "further_fits":

        @contextmanager
        def start(_log: Path) -> Iterator[LabelledWorkers]:
            yield LabelledWorkers(CHANCES)

        report = verify(home, "made", FitSelection(), start_workers=start)
        (difference,) = report.differences
        assert str(difference).startswith("baseline/0 comparison fit 0: checksum")


@pytest.mark.parametrize("lacking", [(), ("prune",)])
def test_a_sweep_of_an_older_refold_gets_no_further_fits(home: Path, lacking: tuple[str, ...]) -> None:
    """Its recorded fits and new ones would not have been trained alike; the oldest identities lack parts."""
    connection = sqlite3.connect(home / "ledger.sqlite")
    (text,) = connection.execute("SELECT identity FROM sweeps").fetchone()
    identity = {key: value for key, value in json.loads(text).items() if key not in lacking}
    connection.execute("UPDATE sweeps SET identity = ?", (json.dumps(identity | {"procedure": 1}),))
    connection.commit()
    connection.close()
    with pytest.raises(UsageError, match=f"procedure of training: 1 recorded, {PROCEDURE} here"):
        study(around(home, LabelledWorkers(CHANCES)), "made", repeats=2)


def test_what_gpus_trained_gets_no_further_fits(home: Path) -> None:
    """Fits of a processor could not be set beside them."""
    connection = sqlite3.connect(home / "ledger.sqlite")
    connection.execute("UPDATE sweeps SET identity = json_set(identity, '$.device', 'gpu')")
    connection.commit()
    connection.close()
    with pytest.raises(UsageError, match="'made' was trained on GPUs"):
        study(around(home, LabelledWorkers(CHANCES)), "made", repeats=2)


def test_another_claim_counts_repeats(home: Path) -> None:
    """About these images alone, whole repeats are independent: fewer degrees of freedom, no floor."""
    where = around(home, LabelledWorkers(CHANCES))
    new, this = (study(where, "made", repeats=4, claim=claim) for claim in ("new-data", "this-data"))
    assert new.pairs[0].difference.mean == pytest.approx(this.pairs[0].difference.mean)
    assert (new.pairs[0].difference.freedom, this.pairs[0].difference.freedom) == (11, 3)
    assert "another training set" in wording.claim(new.asked)
    assert "exactly these images" in wording.claim(this.asked)


class Links(HTMLParser):
    """Collects what a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note every address."""
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "action")]


def test_the_page_is_self_contained_and_has_every_number(home: Path) -> None:
    """Four pictures, all scores, and nothing from anywhere."""
    found = study(around(home, LabelledWorkers(CHANCES)), "made", repeats=2)
    page = page_of(found)
    links = Links()
    links.feed(page)
    assert len(links.found) == 4
    assert all(link.startswith("data:image/svg+xml;base64,") for link in links.found)
    for contender in found.contenders:
        assert all(f">{score:.4f}</td>" in page for score in contender.scores)
    for pair in found.pairs:
        assert f"{pair.one} - {pair.other}" in page
    assert page == page_of(found)  # nothing in it depends on when it was drawn


def test_names_cannot_break_the_page(home: Path) -> None:
    """A user's architecture may be called anything."""
    found = study(around(home, LabelledWorkers(CHANCES)), "made", repeats=2)
    first = replace(found.contenders[0], architecture="<script>")
    page = page_of(replace(found, contenders=(first, *found.contenders[1:]), pairs=()))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_plan_goes_by_fresh_repeats_where_there_are_some(home: Path) -> None:
    """Before a comparison by the search's folds, afterwards by its repeats."""
    before = plan(read(home), 0.005)
    assert before["basis"] == "from the winners' folds in the search"
    study(around(home, LabelledWorkers(CHANCES)), "made", repeats=3)
    after = plan(read(home), 0.005)
    assert after["basis"] == "from 3 fresh repeats of the winners"
    assert after["spread"]["freedom"] == 3 * FOLDS - 1
    cells = {(cell["difference"], cell["power"]): cell for cell in after["repeats"]}
    assert cells[0.005, 0.8]["new_data"] is cells[0.005, 0.8]["this_data"] is None
    assert cells[0.05, 0.95]["this_data"] >= cells[0.05, 0.8]["this_data"] >= 2
    assert any("no: not with 1,000 repeats" in line for line in plan_lines(after))


def test_folds_that_came_with_the_data_are_kept_and_it_is_said(tmp_path: Path) -> None:
    """Repeats of them are no more observations of new data: a fold's mean over the repeats is one."""
    home = record(sweep_of_table(tmp_path, "lenet", "baseline"), LabelledWorkers(CHANCES))
    found = study(around(home, LabelledWorkers(CHANCES)), "made", repeats=4)
    best = found.contenders[0]
    means = [sum(best.scores[fold::FOLDS]) / 4 for fold in range(FOLDS)]
    expected = estimate(means, overlap=1 / (FOLDS - 1))
    assert best.confirmed.standard_error == pytest.approx(expected.standard_error)
    assert best.confirmed.freedom == FOLDS - 1
    said = json.loads(as_json(found))
    assert (said["given_folds"], said["dataset"]["groups"]) == (True, IMAGES // 3)
    text = " ".join(tables.remarks(found))
    assert "The folds came with the data: all repeats keep them" in text
    assert f"there are {FOLDS}, and more repeats add none" in text
    assert "No group is divided by a split" in text
    assert f"{IMAGES} images of {IMAGES // 3} groups of" in page_of(found)
    with Ledger.read(home) as ledger:
        parts = {
            (fold.spec.fold, fold.run.result.parts_sha256)
            for trial in ledger.sweep("made").confirmed
            for fold in trial.folds
        }
    assert len(parts) == 4 * FOLDS  # other stop sets, the same for both architectures
    these = study(around(home, LabelledWorkers(CHANCES)), "made", repeats=4, claim="this-data")
    assert these.contenders[0].confirmed.freedom == 3

    @contextmanager
    def start(_log: Path) -> Iterator[LabelledWorkers]:
        yield LabelledWorkers(CHANCES)

    assert verify(home, "made", FitSelection(), start_workers=start).differences == ()
