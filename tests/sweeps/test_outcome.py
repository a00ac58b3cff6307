"""A recorded sweep in a notebook's hands."""

import inspect
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import refold
from sweeps.export import recorded_sweep
from sweeps.home import Home
from tests.closed_formula import InlineWorkers, starter
from tests.command import here
from tests.exported_model import about
from tests.labelled_trainer import LabelledWorkers, record, record_sweep, sweep_of_table
from tracking.ledger.ledger import Ledger

PLOTS = sorted(name for name in dir(refold.Outcome) if name.startswith("plot_"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded sweep of two architectures, one of which never errs."""
    folder = tmp_path_factory.mktemp("outcome")
    return record_sweep(folder, LabelledWorkers({"lenet": 1.0, "vgg": 0.5}), "lenet", "vgg", trials=6)


@pytest.fixture
def outcome(home: Path) -> refold.Outcome:
    """The recorded sweep, opened by its name."""
    return refold.open("made", home)


def test_an_outcome_shows_itself_as_its_leaderboard(outcome: refold.Outcome) -> None:
    """In a terminal as text, in a notebook as an escaped table: architectures, best first."""
    assert repr(outcome).startswith(f"sweep made: 12 of 12 trials ended, digest {outcome.digest[:16]}\n")
    assert repr(outcome).index("lenet/") < repr(outcome).index("vgg/")
    assert "1.0000" in repr(outcome)
    page = outcome._repr_html_()
    assert page.index("lenet/") < page.index("vgg/")
    assert list(outcome.leaderboard().architecture) == ["lenet", "vgg"]
    assert list(outcome.leaderboard().trials) == [6, 6]


def test_what_a_notebook_shows_is_escaped(outcome: refold.Outcome) -> None:
    """A hyperparameter's value that looks like HTML stays text."""
    winner = outcome.record.winners[0]
    winner.hyperparameters["note"] = "<script>alert(1)</script>"  # type: ignore[index]
    assert "<script>" not in outcome._repr_html_()
    assert "&lt;script&gt;" in outcome._repr_html_()


def test_best_is_the_trial_that_export_takes(outcome: refold.Outcome) -> None:
    """Named as every command names it, with its scores and hyperparameters."""
    best = outcome.best
    assert best.trial == f"lenet/{outcome.record.ranking[0].number}"
    assert best.f1 == 1.0
    assert best.hyperparameters == outcome.record.ranking[0].hyperparameters


def test_a_sweep_that_is_not_recorded_is_named(home: Path, tmp_path: Path) -> None:
    """So is a home without any."""
    with pytest.raises(refold.UsageError, match="nothing"):
        refold.open("nothing", home)
    with pytest.raises(refold.UsageError, match="elsewhere"):
        refold.open("made", tmp_path / "elsewhere")


@pytest.mark.parametrize("plot", PLOTS)
def test_every_plot_is_a_figure_that_a_notebook_shows(outcome: refold.Outcome, plot: str) -> None:
    """A matplotlib figure, and a PNG for IPython without pyplot."""
    draw = getattr(outcome, plot)
    takes_trial = "trial" in inspect.signature(draw).parameters
    figure = draw(trial="vgg/1") if takes_trial else draw()
    assert type(figure).__module__ == "matplotlib.figure"
    assert figure._repr_png_().startswith(b"\x89PNG")
    if takes_trial:
        with pytest.raises(refold.UsageError, match="has no trial 'vgg/99'"):
            draw(trial="vgg/99")


def test_what_cannot_be_drawn_is_said(outcome: refold.Outcome) -> None:
    """A trial without a mistake has none to show."""
    with pytest.raises(refold.UsageError, match="lenet/0 has no held-out image with a wrong class"):
        outcome.plot_mistakes("lenet/0")


def test_predictions_and_mistakes_name_files(tmp_path: Path) -> None:
    """In Python, on the terminal and as JSON."""
    home = record(sweep_of_table(tmp_path, "lenet"), LabelledWorkers({"lenet": 0.8}))
    found = refold.open("made", home).predictions("lenet/1")
    assert list(found.columns) == ["image", "path", "true", "predicted", "confidence", "correct", "fold"]
    assert len(found) == 120
    wrong = found[~found["correct"]]
    assert 5 < len(wrong) < 60
    assert list(wrong.index) == list(range(len(wrong)))
    assert [f"{number}.png" for number in found["image"]] == list(found["path"])
    shown = here("show", "made", "--home", str(home), "--trial", "lenet/1", cwd=tmp_path).stdout
    assert f"{len(wrong)} mistakes, the 10 most confident:" in shown
    assert wrong["path"].iloc[9] in shown
    told = here("show", "made", "--home", str(home), "--trial", "lenet/1", "--json", cwd=tmp_path).stdout
    mistakes = json.loads(told)["mistakes"]
    assert [each["path"] for each in mistakes] == list(wrong["path"])
    outcome = refold.open("made", home)
    assert outcome.confused("lenet/1").to_dict("records") == json.loads(told)["confused"]
    scores = outcome.class_scores("lenet/1").set_index("class")
    by_class = json.loads(told)["by_class"]
    assert scores["recall_low"].to_dict() == {name: each["recall"]["low"] for name, each in by_class.items()}
    assert scores["images"].sum() == 120
    assert list(scores["groups"]) == [40, 40, 40]
    shutil.rmtree(home / "datasets")
    told = here("show", "made", "--home", str(home), "--trial", "lenet/1", "--json", cwd=tmp_path).stdout
    assert json.loads(told)["mistakes"] is None
    with pytest.raises(refold.UsageError):
        outcome.class_scores("lenet/1")


def test_a_run_gives_its_own_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is not read again after a sweep: what ran is what the outcome holds."""
    from sweeps.cluster import coordinator

    rng = np.random.default_rng(1)
    np.savez(
        tmp_path / "d.npz", images=rng.integers(0, 255, (60, 8, 8), dtype=np.uint8), labels=np.arange(60) % 2
    )
    monkeypatch.setattr(coordinator, "local_workers", lambda *_: starter(InlineWorkers(2))(lambda _: None))
    spec = refold.SweepSpec(
        name="one", dataset="d.npz", trials=1, folder=tmp_path, architectures=["lenet"],
        cv=refold.CrossValidation(folds=2, epochs=3),
    )  # fmt: skip
    held = refold.run(spec, home=tmp_path / "home", progress=False)
    monkeypatch.setattr(Ledger, "read", None)
    assert len(held.trials()) == 1
    assert held.record.finished
    assert held.name == "one"


@pytest.mark.slow
def test_comparing_gives_an_answer_that_shows_itself(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report has the sentences of the command line, its JSON and its page, and the outcome is fresh."""
    from sweeps.analysis.context import AnalysisContext

    chances = {"lenet": 1.0, "vgg": 0.5}
    monkeypatch.setattr(
        AnalysisContext, "starter",
        lambda _self: lambda: starter(LabelledWorkers(chances))(lambda _: None),
    )  # fmt: skip
    opened = refold.open("made", home)
    for options in ({"on": "folds", "repeats": 2}, {"refits": 3}):
        report = opened.compare(**options)
        assert "lenet" in report.answer
        assert " ".join(report.answer.split("\n")) in " ".join(repr(report).split("\n"))
        assert report.to_json()["sweep"] == "made"
        assert "<script" not in report._repr_html_()
    assert (len(opened.record.confirmed), len(opened.record.examined)) == (2, 2)


def test_a_model_is_exported_once(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier export of the same model is found while its folder stands; another model is made."""
    asked: list[recorded_sweep.ExportOptions] = []

    def export(home: Home, name: str, options: recorded_sweep.ExportOptions) -> Any:
        asked.append(options)
        with Ledger.open(home.path) as ledger:
            key = recorded_sweep.choose_recorded(ledger, name, options).key
            folder = home.path / "models" / f"model-{len(asked)}"
            folder.mkdir(parents=True)
            (folder / "model.json").write_text(json.dumps(about(key=key).to_json()))
            (folder / "model.keras").write_text("a file")
            ledger.add_export(name, {"key": key, "folder": str(folder)}, float(len(asked)))
        return SimpleNamespace(folder=folder)

    monkeypatch.setattr(recorded_sweep, "export_recorded", export)

    def folder(**options: Any) -> Path:
        chosen = recorded_sweep.ExportOptions(out=home / "models", **options)
        return recorded_sweep.exported_folder(Home(home), "made", chosen)

    first = folder(how="best-fold")
    assert folder(how="best-fold") == first
    assert folder(how="best-fold", trial="vgg/1") != first
    assert [options.formats for options in asked] == [("keras",), ("keras",)]
    shutil.rmtree(first)
    assert folder(how="best-fold") != first
    assert len(asked) == 3


def test_plan_takes_scores_or_a_sweep(home: Path) -> None:
    """One of the two, and says so."""
    assert refold.plan(scores=[0.8905, 0.8796, 0.8849])["runs"]
    assert refold.plan(scores=[0.89, 0.88], test_images=1000)["test_images"]["images"] == 1000
    with pytest.raises(refold.UsageError, match="one of the two"):
        refold.plan()
    with pytest.raises(refold.UsageError, match="--test-images goes with --scores"):
        refold.plan("made", home, test_images=1000)


def test_a_sweep_can_be_removed(tmp_path: Path) -> None:
    """It is gone from its home, without a question."""
    home = record_sweep(tmp_path, LabelledWorkers({"lenet": 1.0}), "lenet")
    refold.remove("made", home, mlflow=False)
    with pytest.raises(refold.UsageError, match="made"):
        refold.open("made", home)
