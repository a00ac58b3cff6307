"""Comparison on an exam: refits that the search never saw, openings counted, never surer than its numbers."""

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from sweeps.analysis.compare import compare as compare_either
from sweeps.analysis.context import AnalysisContext
from sweeps.analysis.exam import comparison, limits, wording
from sweeps.analysis.exam.comparison import Exam, ExamComparison, ExamSettings
from sweeps.analysis.exam.experiment import compare as study
from sweeps.analysis.exam.page import page as page_of
from sweeps.analysis.exam.refits import key_of
from sweeps.analysis.exam.report import ExamReport
from sweeps.analysis.folds.report import ComparisonReport
from sweeps.definition.spec import Compare
from sweeps.export.selection import choose
from sweeps.home import Home
from sweeps.verification.selection import FitSelection
from sweeps.verification.verify import verify
from tests.labelled_trainer import (
    CollapsedWorkers,
    LabelledWorkers,
    record,
    record_sweep,
    sweep,
    sweep_of_table,
)
from tracking.ledger.ledger import Ledger
from tracking.records import Opening, SweepRecord
from trainer.datasets import open_stored
from trainer.errors import UsageError
from trainer.process.jobs import Job

CHANCES = {"lenet": 0.97, "baseline": 0.7, "vgg": 0.68}
NAMES = tuple(CHANCES)
#: Nobody listens there: what MLflow would say is tested elsewhere.
NO_MLFLOW = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished sweep of three architectures and an exam of 30 images."""
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


def said(where: AnalysisContext) -> str:
    """Return what the user was told while it ran."""
    assert isinstance(where.shown_on.file, io.StringIO)
    return where.shown_on.file.getvalue()


def read(home: Path) -> SweepRecord:
    """Return what the ledger holds."""
    with Ledger.read(home) as ledger:
        return ledger.sweep("made")


def openings(home: Path) -> tuple[Opening, ...]:
    """Return who opened the sweep's exam."""
    exam = read(home).dataset.exam
    assert exam is not None
    with Ledger.read(home) as ledger:
        return ledger.openings(exam.fingerprint)


def as_json(found: ExamComparison) -> str:
    """Return a comparison as JSON; NaN and infinity raise."""
    return json.dumps(wording.to_json(found), allow_nan=False)


def everything(found: ExamComparison) -> str:
    """Return all that a terminal shows, pairs too, in one line."""
    report = ExamReport(found)
    assert repr(report)
    lines = [part if isinstance(part, str) else "\n".join(part.lines()) for part in report.parts(pairs=True)]
    return " ".join("\n".join(lines).split())


@contextmanager
def trainers(_log: Path) -> Iterator[LabelledWorkers]:
    """Start the workers that a verification takes."""
    yield LabelledWorkers(CHANCES)


def test_a_clear_winner_is_named_in_three_lines(home: Path) -> None:
    """Which one, how sure, what next; then a table with every number, and the claim."""
    where = around(home, LabelledWorkers(CHANCES))
    found = study(where, "made")
    (first, sure, following) = wording.first_lines(found)
    lenet = found.examinees[0].name
    assert first.startswith(f"{lenet} is the best of the 3 winners. The next one, ")
    assert "With 95 % confidence none of the others is better." in sure
    assert "30 exam images" in sure or "refits' seeds" in sure
    assert following == f"Next: 'refold export made --trial {lenet}' gives its model."
    text = everything(found)
    assert "on new images like the exam's, the winner of lenet" in text
    assert "Another training set or another search may rank otherwise." in text
    assert "The gap to the exam's score is luck, plus 50 % more training images and no stop set" in text
    assert "15 fits of 3 architectures, 0 recorded already, 15 to train: about" in said(where)
    assert " left" in said(where)
    content = json.loads(as_json(found))
    assert (content["on"], content["best"], content["images"]) == ("exam", ["lenet"], 30)
    assert (content["refits"], content["level"], content["rope"]) == (5, 0.95, 0.005)
    names = {
        "name",
        "trial",
        "score",
        "low",
        "high",
        "p_best",
        "regret",
        "regret_high",
        "var_seed",
        "var_images",
    }
    assert all(names <= each.keys() for each in content["architectures"])
    assert content["openings"] == []


def test_refits_are_trained_on_all_images_with_seeds_of_their_own(home: Path) -> None:
    """The first one is the model that export gives; none has a stop set or a held-out fold."""
    study(around(home, LabelledWorkers(CHANCES)), "made", refits=3)
    found = read(home)
    assert set(found.examined) == {(winner.architecture, winner.number) for winner in found.winners}
    for winner in found.winners:
        refits = found.examined[winner.architecture, winner.number]
        assert [fit.spec.repeat for fit in refits] == [0, 1, 2]
        assert len({fit.spec.seeds.initialisation for fit in refits}) == 3
        assert all(fit.spec.fold is None and fit.spec.stopping is None for fit in refits)
        assert {dict(fit.spec.hyperparameters) == dict(winner.hyperparameters) for fit in refits} == {True}
        assert all(len(fit.run.result.predicted_classes()) == 30 for fit in refits)
        exported = choose(found, winner, "refit")
        assert exported.specs[0] == replace(refits[0].spec, exam=None)
        assert exported.key == key_of(winner, found.seed, refits[0].spec.platform)


def test_a_second_time_nothing_is_trained_and_more_refits_are_looked_at(home: Path) -> None:
    """The answer is the same; raising the number after a look is said."""
    found = study(around(home, LabelledWorkers(CHANCES)), "made", refits=3)
    assert "Rough, from 3 refits" in wording.how_sure(found)
    none = LabelledWorkers(CHANCES)
    assert as_json(study(around(home, none), "made", refits=3)) == as_json(found)
    assert none.trained == []
    more = LabelledWorkers(CHANCES)
    later = study(around(home, more), "made")
    assert len(more.trained) == 2 * len(NAMES)
    assert later.asked.looks == (3,)
    assert "looked at before with 3 refits" in everything(later)
    assert "Rough" not in wording.how_sure(later)
    assert study(around(home, none), "made").asked.refits == 5
    assert none.trained == []


def test_an_interrupted_comparison_goes_on(home: Path) -> None:
    """Ctrl-C loses no refit; the exam counts as opened from the moment before the first one."""
    with pytest.raises(KeyboardInterrupt):
        study(around(home, LabelledWorkers(CHANCES, interrupt_after=4)), "made", refits=3)
    assert len(openings(home)) == len(NAMES)
    assert "exam" not in read(home).reports
    rest = LabelledWorkers(CHANCES)
    study(around(home, rest), "made", refits=3)
    assert len(rest.trained) == 9 - 4


def test_an_exam_that_cannot_be_trained_for_is_not_opened(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An opening is recorded only once it is sure that the refits can be trained."""

    def refuse(_entry: Any) -> None:
        raise UsageError("other versions")

    monkeypatch.setattr("sweeps.analysis.context.check_trainable", refuse)
    with pytest.raises(UsageError, match="other versions"):
        study(around(home, LabelledWorkers(CHANCES)), "made", refits=3)
    assert openings(home) == ()


def test_openings_before_are_said(home: Path) -> None:
    """By another sweep, or by an export of a winner; not by what came later, nor by this comparison."""
    exam = read(home).dataset.exam
    assert exam is not None
    with Ledger.open(home) as ledger:
        ledger.add_opening(Opening(exam=exam.fingerprint, sweep="other", purpose="export", model="m", at=1.0))
    found = study(around(home, LabelledWorkers(CHANCES)), "made", refits=3)
    with Ledger.open(home) as ledger:
        ledger.add_opening(Opening(exam=exam.fingerprint, sweep="late", purpose="export", model="n", at=9e9))
    again = study(around(home, LabelledWorkers(CHANCES)), "made", refits=3)
    for each in (found, again):
        assert [opening.sweep for opening in each.opened_before] == ["other"]
    text = everything(again)
    assert "This exam was opened before: by export of a model of other (1970-01-01" in text
    assert "levels assume that this choice of models did not depend on what was seen then" in text


def test_a_refit_that_fails_counts_as_a_failure(home: Path) -> None:
    """It stands beside the score and is not replaced; with fewer than three left a winner is left out."""
    workers = LabelledWorkers(CHANCES, fails=("vgg", 1, None))
    found = study(around(home, workers), "made", refits=4)
    vgg = next(examinee for examinee in found.examinees if examinee.architecture == "vgg")
    assert (len(vgg.scores), len(vgg.failed)) == (3, 1)
    assert f"1 of the 4 refits of {vgg.name} failed ({vgg.name} refit 1: training diverged: made up)" in (
        everything(found)
    )
    fewer = study(around(home, workers), "made", refits=3)
    assert fewer.left_out["vgg"].startswith("1 of its 3 refits failed, and 3 are needed")
    assert [examinee.architecture for examinee in fewer.examinees if examinee.architecture == "vgg"] == []
    assert verify(home, "made", FitSelection(), start_workers=trainers).differences == ()


def test_what_is_hardly_right_is_said_and_not_recorded(home: Path) -> None:
    """A remark on the terminal, in JSON and on the page that is asked for; reports stay as they were."""
    found = study(around(home, CollapsedWorkers(CHANCES, "vgg")), "made", refits=3)
    (doubt,) = found.doubts
    name = next(each.name for each in found.examinees if each.architecture == "vgg")
    assert doubt.startswith(f"{name}: 3 of 3 refits predict one class ('0') for every image")
    assert doubt in everything(found)
    report = ExamReport(found)
    assert report.to_json()["doubts"] == [doubt]
    assert "refits predict one class" in report.page()
    kept = read(home).reports["exam"]
    assert "refits predict one class" not in kept.content + kept.page


def test_some_architectures_or_one_alone(home: Path) -> None:
    """A subset trains its own refits only; one alone is judged without a pair."""
    workers = LabelledWorkers(CHANCES)
    found = study(around(home, workers), "made", refits=3, architectures=["vgg", "baseline"])
    assert len(workers.trained) == 6
    assert {examinee.architecture for examinee in found.examinees} == {"vgg", "baseline"}
    assert verify(home, "made", FitSelection(), start_workers=trainers).differences == ()
    alone = study(around(home, workers), "made", refits=3, architectures=["lenet"])
    assert alone.pairs == ()
    assert " scores 0." in wording.which(alone)
    assert "95 % of such intervals hold the true score" in wording.how_sure(alone)
    assert "nan" not in as_json(alone).lower()
    assert ">nan" not in page_of(alone).lower()


def test_winners_without_any_mistake_get_a_sentence(tmp_path: Path) -> None:
    """No spread at all: no certainty, no NaN, nothing equivalent that 30 images cannot show."""
    perfect = {"lenet": 1.0, "baseline": 1.0}
    home = record_sweep(tmp_path, LabelledWorkers(perfect), *perfect)
    found = study(around(home, LabelledWorkers(perfect)), "made", refits=3)
    assert found.pairs[0].verdict == "undecided"
    assert "Neither images nor seeds showed any spread" in wording.how_sure(found)
    cheapest = found.cheapest
    assert cheapest.architecture == "lenet"
    assert f"The cheapest of them is {cheapest.name}: 60,000 weights, 1 ms an image" in wording.which(found)
    assert "no number of refits would decide it" in wording.what_next(found)
    assert "nan" not in as_json(found).lower()


def made_up(scores: dict[str, list[float]], images: int = 4000, rope: float = 0.005) -> ExamComparison:
    """Judge refits with about these accuracies, whose mistakes are on the same hard images."""
    rng = np.random.default_rng(3)
    true = np.arange(images) % 4
    hard = rng.random(images)
    record_ = _record_with(scores, true, hard)
    return comparison.compare(
        record_,
        Exam(record=record_.dataset.exam, labels=true, groups=None, rope=0.005),  # type: ignore[arg-type]
        ExamSettings(refits=len(next(iter(scores.values()))), rope=rope),
    )


_TEMPLATE: list[SweepRecord] = []


@pytest.fixture(autouse=True)
def template(recorded: Path) -> None:
    """Keep a record with refits, of which others are made."""
    if not _TEMPLATE:
        home = recorded / "template"
        shutil.copytree(recorded / "home", home)
        study(around(home, LabelledWorkers(CHANCES)), "made", refits=5)
        _TEMPLATE.append(read(home))


def _record_with(scores: dict[str, list[float]], true: Any, hard: Any) -> SweepRecord:
    made = _TEMPLATE[0]
    examined = {}
    for (name, number), refits in made.examined.items():
        if name in scores:
            examined[name, number] = tuple(
                replace(
                    fit,
                    run=replace(
                        fit.run,
                        result=replace(
                            fit.run.result,
                            predictions=np.where(hard < score, true, (true + 1) % 4).astype("<u2").tobytes(),
                        ),
                    ),
                )
                for fit, score in zip(refits, scores[name], strict=False)
            )
    dataset = replace(made.dataset, classes=("a", "b", "c", "d"))
    trials = tuple(trial for trial in made.trials if trial.architecture in scores)
    return replace(made, examined=examined, architectures=tuple(scores), dataset=dataset, trials=trials)


def test_use_any_only_where_it_costs_less_than_matters() -> None:
    """Nearly equal winners and many images: any of them; the cheapest is named with its price."""
    same = [0.9, 0.901, 0.899, 0.9, 0.9]
    found = made_up({"lenet": same, "baseline": same[::-1]}, images=40_000)
    assert found.judgement.use_any
    assert wording.which(found).startswith("Use any of ")
    assert "within the 0.50 points that do not matter. The cheapest of them is lenet/" in wording.which(found)
    assert found.pairs[0].verdict == "equivalent"
    assert "are equivalent: their difference lies within 0.50 points" in everything(found)
    assert f"refold export made --trial {found.cheapest.name}" in wording.what_next(found)


def test_what_is_undecided_says_what_choosing_costs_at_most() -> None:
    """With the condition that failed, and whether more refits might decide it."""
    wild = [0.93, 0.87, 0.91, 0.89, 0.9]
    found = made_up({"lenet": wild, "baseline": [score - 0.003 for score in wild]})
    assert wording.which(found).startswith("Undecided between lenet/")
    assert "costs at most" in wording.which(found)
    assert "from the refits' seeds: more refits shrink that part" in wording.how_sure(found)
    text = everything(found)
    assert "not better, because the interval begins at -" in text
    assert "not equivalent, because it ends at +" in text
    few = made_up(
        {"lenet": [0.9, 0.9, 0.9, 0.9, 0.901], "baseline": [0.89, 0.89, 0.89, 0.89, 0.891]}, images=200
    )
    assert "Nearly all of the uncertainty between the first two (its variance) comes from the 30" in (
        wording.how_sure(few)
    )
    assert "no number of refits would decide it" in wording.what_next(few)


def test_layers_with_seeds_of_their_own_are_noticed() -> None:
    """All refits began with the same weights, though their seeds differ."""
    made = _TEMPLATE[0]
    place, refits = next(iter(made.examined.items()))
    same = tuple(
        replace(fit, run=replace(fit.run, result=replace(fit.run.result, initial_weights_sha256="0")))
        for fit in refits
    )
    record_ = replace(made, examined={**made.examined, place: same})
    labels = np.arange(30) % 3
    exam = Exam(record=record_.dataset.exam, labels=labels, groups=None, rope=0.005)  # type: ignore[arg-type]
    found = comparison.compare(record_, exam, ExamSettings())
    assert f"All refits of {place[0]}/{place[1]} began with the same weights" in everything(found)
    assert everything(found).count("began with the same weights") == 1


def test_the_region_is_fixed_when_the_sweep_begins(tmp_path: Path) -> None:
    """A later change in the file is not used; another one that is asked for is used and marked."""
    made = replace(sweep(tmp_path, "lenet", "baseline"), compare=Compare(rope=0.02))
    home = record(made, LabelledWorkers(CHANCES))
    record(replace(made, compare=Compare(rope=0.3), trials=3), LabelledWorkers(CHANCES))
    where = around(home, LabelledWorkers(CHANCES))
    found = study(where, "made", refits=3)
    assert (found.asked.rope, found.fixed) == (0.02, 0.02)
    assert "the sweep file says rope = 0.3 now, but 0.02 was fixed when the sweep began" in said(where)
    assert "a region that is chosen after" not in everything(found)
    other = study(where, "made", refits=3, rope=0.3)
    assert (other.asked.rope, other.fixed) == (0.3, 0.02)
    assert "fixed as 2.00 points when the sweep began, and 30.00 points were asked for here" in everything(
        other
    )
    assert verify(home, "made", FitSelection(), start_workers=trainers).differences == ()
    folds = compare_either(where, "made", on="folds", repeats=2)
    assert isinstance(folds, ComparisonReport)
    assert folds.comparison.asked.rope == 0.02


def test_groups_of_the_exam_count_not_their_images(tmp_path: Path) -> None:
    """Few groups are warned of, with what was simulated there."""
    table = sweep_of_table(tmp_path, "lenet", "baseline")
    home = record(replace(table, dataset=replace(table.source, exam=0.25)), LabelledWorkers(CHANCES))
    found = study(around(home, LabelledWorkers(CHANCES)), "made", refits=3)
    assert found.exam.groups is not None
    text = everything(found)
    assert "A group counts once, however many images it has." in text
    assert f"The exam has only {found.exam.groups} groups" in text
    assert json.loads(as_json(found))["exam"]["groups"] == found.exam.groups


def test_small_exams_are_warned_of() -> None:
    """Fewer than 10 images of a class, or fewer than 20 groups; what was simulated is said."""
    labels = np.array([0] * 40 + [1] * 4)
    (few,) = limits.warnings(labels, ("cat", "dog"), None)
    assert few.startswith("The exam has only 4 images of the class dog")
    assert "held the true score in 85 % of the experiments with 3" in few
    (none,) = limits.warnings(labels, ("cat", "dog", "eel"), None)
    assert "no image of the class eel" in none
    assert limits.warnings(np.arange(40) % 2, ("cat", "dog"), None) == []
    (groups,) = limits.warnings(np.arange(60) % 2, ("cat", "dog"), np.arange(60) // 5)
    assert groups.startswith("The exam has only 12 groups")
    assert "92 % of the experiments with 10" in groups


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"refits": 2}, "--refits 2: at least 3 are needed"),
        ({"refits": 2000}, "--refits 2000: at most 1,000"),
        ({"rope": float("nan")}, "--rope nan"),
        ({"architectures": ["lenett"]}, "no architecture 'lenett'.*lenet"),
        ({"architectures": ["lenet", "lenet"]}, "each architecture is named once"),
    ],
)
def test_impossible_wishes(home: Path, options: dict[str, Any], words: str) -> None:
    """Said before anything starts, and before the exam is opened."""
    workers = LabelledWorkers(CHANCES)
    with pytest.raises(UsageError, match=words):
        study(around(home, workers), "made", **options)
    assert workers.trained == []
    assert openings(home) == ()


def test_a_sweep_without_an_exam_is_compared_on_its_folds(tmp_path: Path) -> None:
    """It says so; asked for the exam it refuses; options of the other kind are refused by name."""
    home = record(sweep_of_table(tmp_path, "lenet", "baseline"), LabelledWorkers(CHANCES))
    where = around(home, LabelledWorkers(CHANCES))
    assert isinstance(compare_either(where, "made", repeats=2), ComparisonReport)
    assert "no exam: no unseen images are left" in said(where)
    with pytest.raises(UsageError, match=r"has no exam: no images were set aside.*--on folds"):
        compare_either(where, "made", on="exam")
    with pytest.raises(
        UsageError, match=r"--refits belongs to a comparison on exam.*has no exam: leave it out"
    ):
        compare_either(where, "made", refits=5)
    with pytest.raises(UsageError, match="--claim belongs to --on folds, not to --on exam"):
        compare_either(where, "made", on="exam", claim="this-data")


def test_options_of_folds_need_folds_where_there_is_an_exam(home: Path) -> None:
    """Never silently something else than what was asked."""
    where = around(home, LabelledWorkers(CHANCES))
    with pytest.raises(UsageError, match=r"--repeats belongs to a comparison on folds.*add --on folds"):
        compare_either(where, "made", repeats=2)
    assert isinstance(compare_either(where, "made", refits=3), ExamReport)


class Links(HTMLParser):
    """Collects what a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note every address."""
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "action")]


def test_the_page_says_what_the_terminal_says(home: Path) -> None:
    """It is self-contained, has every refit's score, and cannot be broken by a name."""
    found = study(around(home, LabelledWorkers(CHANCES)), "made", refits=3)
    page = page_of(found)
    links = Links()
    links.feed(page)
    assert len(links.found) == 2
    assert all(link.startswith("data:image/svg+xml;base64,") for link in links.found)
    for line in (*wording.first_lines(found), *wording.conditions(found), wording.claim(found)):
        assert line.replace("'", "&#x27;") in page
    for examinee in found.examinees:
        assert all(f">{score:.4f}</td>" in page for score in examinee.scores)
    assert page == read(home).reports["exam"].page
    named = replace(found.examinees[0], architecture="<script>")
    assert "<script>" not in page_of(replace(found, examinees=(named, *found.examinees[1:])))


def test_the_record_is_proven_with_its_refits(home: Path) -> None:
    """Verify trains refits again too, and compares the report."""
    study(around(home, LabelledWorkers(CHANCES)), "made", refits=3)
    report = verify(home, "made", FitSelection(everything=True), start_workers=trainers)
    assert report.differences == ()
    assert report.trained == report.recorded == 3 * 2 * 3 + 9


def test_a_damaged_number_of_predictions_is_named(home: Path) -> None:
    """Not misread."""
    made = _TEMPLATE[0]
    labels = np.arange(31) % 3
    exam = Exam(record=made.dataset.exam, labels=labels, groups=None, rope=0.005)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="predictions for another number of images than the exam's 31"):
        comparison.compare(made, exam, ExamSettings())


def test_jobs_know_where_the_exam_is(home: Path) -> None:
    """A job of a refit has the folder of the stored exam."""
    jobs: list[Job] = []

    class Watching(LabelledWorkers):
        def submit(self, job: Job, worker: str) -> None:
            jobs.append(job)
            super().submit(job, worker)

    study(around(home, Watching(CHANCES)), "made", refits=3)
    exam = read(home).dataset.exam
    assert exam is not None
    assert {open_stored(Path(job.exam or "")).fingerprint for job in jobs} == {exam.fingerprint}
