"""One contract for all outputs: a name, whatever it is, is shown and takes nothing over."""

import io
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import refold
from sweeps.analysis import variance_components
from sweeps.analysis.best_trial import find_trial, pick
from sweeps.analysis.context import AnalysisContext
from sweeps.analysis.folds import figures, page, planning
from sweeps.analysis.folds.comparison import Comparison
from sweeps.analysis.folds.experiment import compare as compare_on_folds
from sweeps.analysis.folds.report import ComparisonReport
from sweeps.analysis.variance_experiment import variance
from sweeps.cli import dry_run, output
from sweeps.cli.doctor import findings_table
from sweeps.cli.export import formats_table, predictions_table
from sweeps.cli.leaderboard import print_leaderboard
from sweeps.cli.verify import verification_json, verification_lines
from sweeps.definition.prepare import Prepared
from sweeps.definition.sweep_file import parse_sweep
from sweeps.diagnostics.doctor import Finding
from sweeps.execution import fit_progress
from sweeps.execution.events import Event, Notice
from sweeps.execution.loop import run_sweep
from sweeps.execution.notebook import NotebookProgress
from sweeps.execution.progress import LiveProgress, PlainProgress
from sweeps.export.model_card import card, snippet, to_json
from sweeps.export.predict import Prediction
from sweeps.home import Home
from sweeps.outcome import Outcome
from sweeps.verification.selection import FitSelection
from sweeps.verification.verify import verify
from tests.closed_formula import InlineWorkers, plan, run_of, starter
from tests.command import here
from tests.exported_model import about
from tests.hostile_names import (
    ARCHITECTURES,
    HOSTILE,
    assert_seen,
    blocks,
    hostile_sweep,
    image_files,
    renamed,
    tags,
)
from tracking.ledger.ledger import Ledger
from tracking.mlflow.content import sweep_content, trial_content
from tracking.mlflow.extra_fits import confirmation_content, with_conclusions
from tracking.mlflow.view import MlflowView
from tracking.records import ReportRecord, SweepRecord
from tracking.reports import drawing, sweep_pictures, trial_pictures
from tracking.reports.augmentation_sheet import Sheet
from tracking.reports.class_report import class_report, report_csv, report_table
from trainer.datasets import Dataset, DatasetSource, load
from trainer.errors import RefoldError, UsageError
from trainer.escaping import for_terminal
from trainer.formats.catalogue import FORMATS
from trainer.recipe.augmentation import Strengths

every_name = pytest.mark.parametrize("name", HOSTILE)


class Everywhere:
    """Shows a sweep's progress in a log, on a terminal and in a notebook, and keeps what each got."""

    def __init__(self) -> None:
        self.log, self.cells, self.drawn = io.StringIO(), list[Any](), list[str]()
        self._plain = PlainProgress(Console(file=self.log))
        self._live = LiveProgress(Console(file=io.StringIO(), width=80))
        self._notebook = NotebookProgress(self._display)

    def _display(self, cell: Any, *, display_id: bool) -> Any:
        assert display_id
        return SimpleNamespace(update=self.cells.append)

    def handle(self, event: Event) -> None:
        """Pass the event on."""
        for each in (self._plain, self._live, self._notebook):
            each.handle(event)
        self.drawn.append(self._live._draw().plain)

    def finish(self) -> None:
        """Let the notebook show its last text, which it holds back for a moment."""
        self._notebook.__exit__()


@pytest.fixture(scope="module")
def ready() -> Prepared:
    """The sweep of hostile names, before it runs."""
    return hostile_sweep()


@pytest.fixture(scope="module")
def progress() -> Everywhere:
    """What was shown while the sweep ran."""
    return Everywhere()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, ready: Prepared, progress: Everywhere) -> Home:
    """A home with that sweep, recorded."""
    place = Home(tmp_path_factory.mktemp("hostile") / "home")
    with Ledger.open(place.path) as ledger:
        run_sweep(
            ready, place.path, ledger, start_workers=starter(InlineWorkers(2)), workers=2, progress=progress
        )
    return place


@pytest.fixture(scope="module")
def compared(home: Home, ready: Prepared) -> tuple[Comparison, str]:
    """The comparison of its architectures, and what was printed meanwhile."""
    said = io.StringIO()
    found = compare_on_folds(analysis(home, said), ready.spec.name, repeats=2)
    return found, said.getvalue()


def analysis(home: Home, said: io.StringIO) -> AnalysisContext:
    """Return what a comparison needs: the formula as workers, nobody where MLflow would be."""

    @contextmanager
    def start() -> Iterator[InlineWorkers]:
        yield InlineWorkers(2)

    console = Console(file=said, width=200)
    return AnalysisContext(
        home=home,
        workers=2,
        tracking_uri="http://127.0.0.1:9",
        start_workers=start,
        console=console,
        trust_code=True,
    )


def printed(capsys: pytest.CaptureFixture[str], *calls: Callable[[], object]) -> str:
    """Return what calls print, and see that a terminal can take it."""
    capsys.readouterr()
    for call in calls:
        call()
    got = capsys.readouterr()
    assert_seen(got.out + got.err)
    return got.out + got.err


def test_progress_shows_every_name(home: Home, progress: Everywhere) -> None:
    """In a log, on a terminal and in a notebook's cells, without a command for any of them."""
    assert home.path.exists()
    progress.finish()
    assert "$(reboot)" in progress.log.getvalue()
    assert any("$(reboot)" in repr(cell) for cell in progress.cells)
    assert_seen(progress.log.getvalue())
    assert_seen("".join(progress.drawn))
    for cell in progress.cells:
        assert_seen(repr(cell))
        assert tags(cell._repr_html_()) == [("pre", ())]


def test_commands_show_a_record_of_hostile_names(home: Home, ready: Prepared, tmp_path: Path) -> None:
    """``ls``, ``show``, one trial, the same as JSON; and the name of a sweep that there is not."""
    name, where = ready.spec.name, ("--home", str(home.path))
    for words in (("ls",), ("ls", "--json"), ("show", name), ("show", name, "--json")):
        done = here(*words, *where, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert_seen(done.stdout + done.stderr)
    for architecture in ARCHITECTURES:
        done = here("show", name, f"--trial={architecture}/0", *where, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert_seen(done.stdout)
    told = json.loads(here("show", name, "--json", *where, cwd=tmp_path).stdout)
    assert told["sweep"] == name, "programs get the name as it is"
    assert {trial["architecture"] for trial in told["trials"]} == set(ARCHITECTURES)


@every_name
def test_one_line_refuses_a_hostile_argument(home: Home, tmp_path: Path, name: str) -> None:
    """An unknown command, option, sweep or trial: one line, in which everything can be seen."""
    for words in ((f"x{name}",), ("ls", f"--{name}x"), ("show", f"x{name}"), ("run", f"x{name}.toml")):
        done = here(*words, "--home", str(home.path), cwd=tmp_path)
        assert done.returncode == 2
        assert_seen(done.stderr)
        assert done.stderr.count("\n") == 1


@every_name
def test_one_line_refuses_a_hostile_value(name: str, tmp_path: Path) -> None:
    """Keys and values of sweep files, names in Python, trials: the error's own text can be printed."""
    record = renamed(name)
    calls: list[Callable[[], object]] = [
        lambda: parse_sweep({"name": "x", f"x{name}": 1}),
        lambda: parse_sweep({"name": f"/{name}"}),
        lambda: parse_sweep({"name": "x", "dataset": {"source": f"no{name}"}, f"{name}": 1}),
        lambda: parse_sweep({"name": "x", "architectures": {name: {"source": name}}}),
        lambda: parse_sweep({"name": "x", "architectures": {"lenet": {name: name}}, "mlflow": {name: 1}}),
        lambda: refold.ArchitectureChoice(name=f"x{name}"),
        lambda: load(DatasetSource(source=f"no{name}"), base=tmp_path),
        lambda: find_trial(record, f"no {name}/1"),
        lambda: pick(record, f"no {name}"),
    ]
    for call in calls:
        with pytest.raises(RefoldError) as caught:
            call()
        assert_seen(str(caught.value))
        assert "\n" not in str(caught.value)


def test_image_files_may_have_any_name(tmp_path: Path) -> None:
    """A refused file is named so that a terminal can show it."""
    for path in image_files(tmp_path / "pets" / "cat"):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.with_name(f"{path.name}.gif")
        file.touch()
        (tmp_path / "pets" / "dog").mkdir(exist_ok=True)
        with pytest.raises(UsageError) as caught:
            load(DatasetSource(source="pets"), base=tmp_path)
        assert_seen(str(caught.value))
        file.unlink()


@every_name
def test_tables_and_texts(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Leaderboard, class report, predictions, formats, doctor: aligned lines, nothing but text."""
    record = renamed(name)
    trial = record.ranking[0]
    prediction = Prediction(image=name, class_name=name, probability=1.0, probabilities={name: 1.0})
    finding = Finding(subject=name, level="note", what=name, do=name)
    model = about(formats={name: about().formats["mlflow"]})
    text = printed(
        capsys,
        lambda: print_leaderboard(record),
        lambda: output.put_table(report_table(class_report(trial, record.dataset.classes))),
        lambda: output.put_table(predictions_table([prediction])),
        lambda: output.put_table(findings_table([finding])),
        lambda: output.put_table(formats_table(model.formats)),
        lambda: output.put(f"name {name}"),
        lambda: output.say(f"name {name}"),
        lambda: output.print_json({name: name}),
    )
    if re.fullmatch(r"\S*", name) and name.isascii() and name.isprintable():
        assert text.count(name) >= 8, "names that can be seen are shown as they are"
    assert_seen(report_csv(class_report(trial, record.dataset.classes)))
    assert len(report_csv(class_report(trial, record.dataset.classes)).splitlines()) == 13


def test_a_dry_run_lists_hostile_names(ready: Prepared, capsys: pytest.CaptureFixture[str]) -> None:
    """As lines and as JSON."""
    report = dry_run.report(ready)
    printed(capsys, lambda: output.put(*dry_run.lines(report)), lambda: output.print_json(report))


def test_verify_names_what_differs(home: Home, ready: Prepared, capsys: pytest.CaptureFixture[str]) -> None:
    """A record of hostile names can be verified, and its lines and JSON shown."""

    @contextmanager
    def start(_log: Path) -> Iterator[InlineWorkers]:
        yield InlineWorkers(2)

    report = verify(home.path, ready.spec.name, FitSelection(), start_workers=start, trust_code=True)
    printed(
        capsys,
        lambda: output.put(*verification_lines(report)),
        lambda: output.print_json(verification_json(report)),
    )


def test_what_would_be_removed_and_handed_over(
    home: Home, ready: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``rm`` asks, and ``study`` lists the studies that it has written."""
    name, where = ready.spec.name, ("--home", str(home.path))
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    asked = here("rm", name, "--keep-mlflow", *where, cwd=tmp_path)
    assert asked.returncode == 2
    assert asked.stderr.startswith("removes the sweep ../../../x")
    written = here("study", name, "--storage", "sqlite:///study.db", *where, cwd=tmp_path)
    assert written.returncode == 0, written.stderr
    for done in (asked, written):
        assert_seen(done.stdout + done.stderr)


def test_compare_variance_and_plan(
    home: Home, ready: Prepared, compared: tuple[Comparison, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Their progress, texts, JSON and the recorded page with its figures."""
    found, said = compared
    assert_seen(said)
    report = ComparisonReport(found)
    assert_seen(repr(report))
    variances_said = io.StringIO()
    variances = variance(analysis(home, variances_said), ready.spec.name, rows=4)
    assert_seen(variances_said.getvalue())
    with Ledger.read(home.path) as ledger:
        record = ledger.sweep(ready.spec.name)
    shown = record.reports["comparison"].page
    assert_seen(shown)
    assert {tag for tag, _ in tags(shown)}.isdisjoint({"script", "b", "a"})
    planned = planning.plan(record, 0.005)
    printed(
        capsys,
        lambda: output.put(*variance_components.lines(variances)),
        lambda: output.put(*planning.lines(planned)),
        lambda: output.print_json(report.to_json()),
    )


@every_name
def test_a_page_has_the_elements_of_one_with_plain_names(
    compared: tuple[Comparison, str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Whatever the sweep, its dataset, its architectures and their failures are called."""
    for figure in ("intervals", "differences", "matrix", "paired_scores"):
        monkeypatch.setattr(figures, figure, lambda _comparison: b"<svg/>")

    def shown(text: str) -> str:
        found, _ = compared
        contenders = tuple(replace(each, architecture=text) for each in found.contenders[:2])
        pairs = tuple(replace(each, one=text, other=text) for each in found.pairs[:1])
        return page.page(
            replace(
                found, sweep=text, dataset=text, contenders=contenders, pairs=pairs, left_out={text: text}
            )
        )

    assert_seen(shown(name))
    assert tags(shown(name)) == tags(shown("plain"))
    report = ComparisonReport(replace(compared[0], sweep=name, dataset=name))
    assert tags(report._repr_html_()) == [("iframe", ("srcdoc", "style"))]


@cache
def plain_outcome() -> list[tuple[str, tuple[str, ...]]]:
    """Return the elements of an outcome with plain names."""
    return tags(Outcome(Home(Path("home")), renamed("plain"))._repr_html_())


@every_name
def test_a_notebook_shows_an_outcome(name: str) -> None:
    """As text and as HTML with the elements of a plain one."""
    shown = Outcome(Home(Path("home")), renamed(name))
    html = shown._repr_html_()
    assert_seen(repr(shown) + html)
    assert tags(html) == plain_outcome()


def model_of(text: str, classes: int) -> Any:
    """Return the content of a model.json in which everything has this name."""
    made = about(classes)
    return replace(
        made, name=text, sweep=text, architecture=text, compared_on=text, hyperparameters={text: text},
        dataset=replace(made.dataset, name=text, fingerprint=text), weights_sha256=text,
        classes=tuple(f"{text}{number or ''}" for number in range(classes)), versions={text: text},
        formats={
            name: replace(
                form,
                mlflow=form.mlflow
                and replace(form.mlflow, uri=text, champion_uri=text, tracking_uri=text),
            )
            for name, form in made.formats.items()
        },
    )  # fmt: skip


@cache
def plain_card(classes: int) -> list[str]:
    """Return the structure of the card of a model with plain names."""
    return blocks(card(model_of("plain", classes)))


@every_name
def test_a_model_card_has_the_structure_of_a_plain_one(name: str) -> None:
    """No name in it becomes a heading, a list, a cell, HTML or a link; the programs in it compile."""
    for classes in (3, 30):
        text = card(model_of(name, classes))
        assert_seen(text)
        assert blocks(text) == plain_card(classes)
    for form in FORMATS:
        compile(snippet(form, model_of(name, 3)), form, "exec")
    assert_seen(to_json(model_of(name, 3)))
    assert json.loads(to_json(model_of(name, 3)))["classes"][0] == name


def conclusions(text: str) -> SweepRecord:
    """Return a record with confirmed winners and reports."""
    record = renamed(text)
    reports = {f"variance-{text}": ReportRecord(content="{}", page="<p>"), "comparison": _REPORT}
    return replace(record, confirmed=record.trials[:1], reports=reports)


_REPORT = ReportRecord(content="{}", page="")


@every_name
def test_mlflow_gets_names_tags_and_notes_that_can_be_shown(name: str) -> None:
    """Notes have the structure of plain ones, artifacts stay in their folder."""
    for live in (True, False):
        for shown, plain in zip(contents(conclusions(name), live), plain_notes(live), strict=True):
            note = shown.tags["mlflow.note.content"]
            assert_seen("".join([shown.name, *shown.tags.values(), *shown.params, *shown.params.values()]))
            assert blocks(note) == plain
            for command in re.findall(r"^- (`+) ?(refold .*?) ?\1:", note, re.MULTILINE):
                words = shlex.split(command[1])  # as a shell reads what somebody has copied
                assert words[2] == for_terminal(name), "one word, the name"
            assert all(Path(file).name == file and file not in (".", "..") for file in shown.files)
            assert_seen("".join(shown.files))


@cache
def plain_notes(live: bool) -> list[list[str]]:
    """Return the structure of the notes of a sweep with plain names."""
    return [blocks(each.tags["mlflow.note.content"]) for each in contents(conclusions("plain"), live)]


def contents(record: SweepRecord, live: bool) -> list[Any]:
    """Return the content of all runs of a sweep in MLflow."""
    trials = [trial_content(record, trial, live=live) for trial in record.trials]
    own = with_conclusions(record, sweep_content(record, live=live))
    return [own, *trials, confirmation_content(record, record.trials[0])]


@pytest.mark.slow  # MLflow is imported, and a database of its own is written
@pytest.mark.usefixtures("quick_pictures")
def test_mlflow_takes_a_record_of_hostile_names(
    database: str, tmp_path: Path, home: Home, ready: Prepared
) -> None:
    """Its runs, parameters, metrics and artifacts are written as for any other sweep."""
    with Ledger.read(home.path) as ledger:
        record = ledger.sweep(ready.spec.name)
    record = replace(record, reports={f"variance-{name}": _REPORT for name in ARCHITECTURES})
    view = MlflowView(database, tmp_path / "artifacts", "hostile", home.path / "datasets")
    view.write(record, live=False)
    found = view.locate(record)
    assert (found.sweep_runs, found.trial_runs) == (1, len(record.trials))
    outside = {path for path in tmp_path.iterdir() if path.name not in ("artifacts", "mlflow.db")}
    assert {path.name for path in outside} <= {"mlflow.db-wal", "mlflow.db-shm"}


def _sheet(record: SweepRecord) -> Any:
    classes = record.dataset.classes
    labels = np.arange(len(classes), dtype=np.int32)
    images = np.zeros((len(labels), 4, 4, 1), dtype=np.uint8)
    data = Dataset(name="x", images=images, labels=labels, classes=classes, pixel_max=255.0)
    strengths = Strengths.of({"augment": "light"})
    name = record.trials[0].name
    return Sheet(
        name=name, what="some", strengths=strengths, seed=1, dataset=data, images=labels.astype(np.int64)
    ).figure()


PICTURES: dict[str, Callable[[SweepRecord], Any]] = {
    "history": sweep_pictures.optimisation_history,
    "hyperparameters": sweep_pictures.score_against_hyperparameters,
    "importance": sweep_pictures.parameter_importance,
    "parallel": sweep_pictures.parallel_coordinates,
    "folds": sweep_pictures.fold_scores,
    "curves": lambda record: trial_pictures.learning_curves(record.trials[0]),
    "augmentation": _sheet,
    "confusion": lambda record: trial_pictures.confusion_picture(record.trials[0], record.dataset.classes),
}


@pytest.mark.parametrize("picture", PICTURES)
def test_pictures_can_be_drawn(picture: str) -> None:
    """Dollars are no formula, and what the font lacks is no warning."""
    record = renamed("$\\frac{$猫" + "".join(HOSTILE))
    assert drawing.png(PICTURES[picture](record)).startswith(b"\x89PNG")


@every_name
def test_the_progress_of_extra_fits_takes_any_name(name: str) -> None:
    """A bar on a terminal has no markup in it."""
    said = io.StringIO()
    made = plan(folds=2)
    fits = made.fit_specs(made.architectures[0], 0, {"learning_rate": 1e-3})
    for terminal in (True, False):
        console = Console(file=said, force_terminal=terminal, width=100)
        with fit_progress.shown(console, {fit.key: name for fit in fits}) as on_fit:
            for fit in fits:
                on_fit(fit, run_of(fit))
    analysis(Home(Path("home")), said).say(f"[/red] {name}")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", said.getvalue())  # Rich's own
    assert_seen(shown)


def test_notices_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """What Rich takes for markup is text: in a log, on a terminal and in a notebook."""
    shown, terminal = Everywhere(), io.StringIO()
    notice, text = Notice("[/red] :smile: \x1b[2J"), "[/red] :smile: \\x1b[2J\n"
    shown.handle(notice)
    LiveProgress(Console(file=terminal, width=80)).handle(notice)
    assert (shown.log.getvalue(), terminal.getvalue(), capsys.readouterr().out) == (text, text, text)
