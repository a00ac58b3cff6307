"""What came after the search, in MLflow: confirmed winners beside the trials, conclusions with the sweep."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tracking.mlflow.content import sweep_identity, trial_key
from tracking.mlflow.view import MlflowView
from tracking.records import ReportRecord, SweepRecord

Make = Callable[..., SweepRecord]


pytestmark = pytest.mark.usefixtures("quick_pictures", "gc_in_process")


def compared(record: SweepRecord, fold: Any, repeats: int, state: Any = "complete") -> SweepRecord:
    """Return the record after a comparison of its first trial's architecture."""
    winner = record.trials[0]
    fits = tuple(
        fold(winner.architecture, 0, number, repeat=repeat)
        for repeat in range(1, repeats + 1)
        for number in range(3)
    )
    confirmed = replace(winner, state=state, folds=fits)
    report = ReportRecord(content=f'{{"repeats": {repeats}}}', page="<!doctype html>")
    return replace(record, confirmed=(confirmed,), reports={"comparison": report})


def test_a_comparison_is_written_beside_the_search(place: Any, sweep: Make, fold: Any) -> None:
    """The winner's fresh repeats are a run of their own; the page and the numbers are the sweep's."""
    record = sweep()
    place.view().write(record)
    before = place.contents()
    record = compared(record, fold, repeats=2)
    place.view().write(record)
    after = place.contents()
    winner = record.confirmed[0]
    key = f"{sweep_identity(record)}/confirmation/{winner.architecture}/0"
    run = after.pop(key)
    assert run["info"][:2] == (f"{winner.name} confirmed", "FINISHED")
    assert run["tags"]["refold.kind"] == "confirmation"
    assert run["tags"]["mlflow.parentRunId"] == sweep_identity(record)
    assert [value for _, _, value in run["metrics"]["confirmed/f1"]] == [repr(winner.f1)]
    assert "heldout_f1/repeat_2_fold_1" in run["metrics"]
    assert not any(name.startswith("cv/") for name in run["metrics"])
    of_sweep = after[sweep_identity(record)]
    assert [
        (step, value) for step, _, value in of_sweep["metrics"][f"confirmed_of/{winner.architecture}"]
    ] == [(2, repr(winner.f1_mean))]
    assert {"comparison.json", "comparison.html"} <= set(of_sweep["files"])
    for trial in record.trials:
        assert after[trial_key(record, trial)] == before[trial_key(record, trial)]


def examined(record: SweepRecord, fold: Any, numbers: tuple[int, ...]) -> SweepRecord:
    """Return the record after refits of its first trial were scored on an exam."""
    winner = record.trials[0]
    refits = []
    for number in numbers:
        fit = fold(winner.architecture, 0, number)
        spec = replace(fit.spec, fold=None, stopping=None, repeat=number, exam="e" * 64)
        refits.append(replace(fit, spec=spec))
    report = ReportRecord(content=f'{{"refits": {len(numbers)}}}', page="<!doctype html>")
    found = {(winner.architecture, winner.number): tuple(refits)}
    return replace(record, examined=found, reports={"exam": report})


def test_refits_on_the_exam_are_a_run_of_their_own(place: Any, sweep: Make, fold: Any) -> None:
    """Each winner has one, with a point for each refit; the page and the means are the sweep's."""
    record = sweep()
    place.view().write(record)
    before = place.contents()
    place.view().write(examined(record, fold, (0, 1, 2)))
    after = place.contents()
    winner = record.trials[0]
    run = after.pop(f"{sweep_identity(record)}/exam/{winner.name}")
    assert run["info"][:2] == (f"{winner.name} on the exam", "FINISHED")
    assert run["tags"]["refold.kind"] == "exam"
    assert "3 refits" in run["tags"]["mlflow.note.content"]
    assert [step for step, _, _ in run["metrics"]["exam/f1"]] == [0, 1, 2]
    assert len(run["metrics"]["exam/f1_mean"]) == 3
    assert not any(name.startswith("cv/") for name in run["metrics"])
    assert "refits.json" in run["files"]
    of_sweep = after[sweep_identity(record)]
    assert [step for step, _, _ in of_sweep["metrics"][f"exam_of/{winner.architecture}"]] == [3]
    assert {"exam.json", "exam.html"} <= set(of_sweep["files"])
    for trial in record.trials:
        assert after[trial_key(record, trial)] == before[trial_key(record, trial)]


def test_refits_after_a_gap_wait_for_it(place: Any, sweep: Make, fold: Any) -> None:
    """MLflow never removes a point, so a mean is written only of refits that nothing can come between."""
    record = sweep()
    place.view().write(examined(record, fold, (0, 2)))
    key = f"{sweep_identity(record)}/exam/{record.trials[0].name}"
    assert [step for step, _, _ in place.contents()[key]["metrics"]["exam/f1"]] == [0]
    place.view().write(examined(record, fold, (0, 1, 2)))
    assert [step for step, _, _ in place.contents()[key]["metrics"]["exam/f1_mean"]] == [0, 1, 2]


def test_a_report_whose_name_is_a_path_stays_among_the_artifacts(
    database: str, sweep: Make, tmp_path: Path
) -> None:
    """A name from a record would choose a file of the user's, and its content."""
    mine = tmp_path / "kernel.json"
    mine.write_text("mine")
    names = ("../outside", str(mine.with_suffix("")), f"../../../{mine.with_suffix('')}", "a/b", "a\0b", "..")
    report = ReportRecord(content='{"argv": ["theirs"]}', page="theirs")
    view = MlflowView(database, tmp_path / "artifacts", "made-up")
    view.write(replace(sweep(), reports=dict.fromkeys(names, report)))
    assert mine.read_text() == "mine"
    written = [path for path in tmp_path.rglob("*.html") if path.read_text() == "theirs"]
    assert len(written) == len(names)
    assert {path.parent.parent.parent.parent for path in written} == {tmp_path / "artifacts"}
    assert not list(tmp_path.parent.glob("outside*"))


def test_writing_it_again_changes_nothing_and_more_repeats_add(place: Any, sweep: Make, fold: Any) -> None:
    """A replay adds nothing; a longer comparison replaces the page and adds its own points."""
    record = compared(sweep(), fold, repeats=1)
    place.view().write(record)
    once = place.contents()
    place.view().write(record)
    assert place.contents() == once
    view = place.view()
    view.write(record)
    view.write(compared(sweep(), fold, repeats=2))
    of_sweep = place.contents()[sweep_identity(record)]
    name = record.confirmed[0].architecture
    assert [step for step, _, _ in of_sweep["metrics"][f"confirmed_of/{name}"]] == [1, 2]
    assert of_sweep["files"]["comparison.json"] != once[sweep_identity(record)]["files"]["comparison.json"]


def test_an_interrupted_comparison_is_not_written(place: Any, sweep: Make, fold: Any) -> None:
    """Its run appears when it is complete: until then a fold could still be missing before another."""
    record = compared(sweep(), fold, repeats=1, state="running")
    place.view().write(replace(record, reports={}))
    contents = place.contents()
    assert not [key for key in contents if "confirmation" in key]
    assert not [name for name in contents[sweep_identity(record)]["metrics"] if "confirmed" in name]


def test_deleting_a_sweep_deletes_its_comparison(place: Any, sweep: Make, fold: Any) -> None:
    """Nothing stays behind."""
    record = compared(sweep(), fold, repeats=1)
    place.view().write(record)
    place.view().delete(record)
    assert place.runs() == {}
