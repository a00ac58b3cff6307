"""Progress in a notebook is one line that changes."""

import io
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from sweeps.execution import fit_progress, notebook
from sweeps.execution.events import (
    EpochEnded,
    Event,
    FitEnded,
    FitStarted,
    Interrupted,
    Notice,
    SweepBegan,
    TrainingBegan,
    TrialEnded,
)
from sweeps.execution.notebook import Line, NotebookProgress, notebook_display
from tests.closed_formula import plan, run_of

PLAN = plan(trials=2, folds=3)  # two architectures, 12 fits
VALUES = {"learning_rate": 1e-3, "batch_size": 32, "dropout": 0.1}
ALPHA, BETA = (PLAN.fit_specs(architecture, 0, VALUES) for architecture in PLAN.architectures)


class Browser:
    """Stands in for IPython's display: remembers outputs, and what became of each."""

    def __init__(self) -> None:
        self.outputs: list[list[Any]] = []

    def display(self, thing: Any, *, display_id: bool) -> Any:
        """Make an output that can change."""
        assert display_id
        self.outputs.append([thing])
        return SimpleNamespace(update=self.outputs[-1].append)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    """This process is a notebook's kernel."""
    browser = Browser()
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    display.display = browser.display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(notebook, "PAUSE", 0.0)
    return browser


def events() -> list[Event]:
    """One trial whose first fold was recorded, and one that is pruned."""
    ends = [FitEnded(trial=0, spec=spec, run=run_of(spec), origin="now") for spec in (*ALPHA, BETA[0])]
    return [
        SweepBegan(plan=PLAN, workers=2),
        replace(ends[0], origin="earlier run"),
        TrainingBegan(),
        FitStarted(trial=0, spec=ALPHA[1]),
        EpochEnded(key=ALPHA[1].key, epoch=2, score=0.75, seconds=1.0, worker="one"),
        *ends[1:3],
        TrialEnded(architecture="alpha", number=0, state="complete", score=0.9),
        ends[3],
        TrialEnded(architecture="beta", number=0, state="pruned", score=None),
        Notice("MLflow <is> away"),
        Interrupted(under_way=1),
    ]


def test_a_whole_sweep_is_one_output(browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    """It says how far the sweep is, what is best and the time left; notices are lines of their own."""
    display = notebook_display()
    assert display is not None
    with NotebookProgress(display) as progress:
        for event in events():
            progress.handle(event)
    (line,) = browser.outputs
    assert repr(line[-1]).startswith("6/12 fits; 2/4 trials (1 pruned or failed); best alpha/0 0.9000; ")
    assert repr(line[-1]).endswith(" left")
    assert capsys.readouterr().out.splitlines() == [
        "1 fit was recorded by an earlier run of this sweep",
        "MLflow <is> away",
        "stopping the workers; 1 fit under way will begin again in the next run",
    ]


def test_at_the_end_the_line_says_how_long_it_took(browser: Browser) -> None:
    """Nothing is left, so no time is."""
    alone = plan(architectures=1, trials=1, folds=3)
    with NotebookProgress(browser.display) as progress:
        progress.handle(SweepBegan(plan=alone, workers=2))
        for spec in alone.fit_specs(alone.architectures[0], 0, VALUES):
            progress.handle(FitEnded(trial=0, spec=spec, run=run_of(spec), origin="now"))
        progress.handle(TrialEnded(architecture="alpha", number=0, state="complete", score=0.9))
    assert "3/3 fits; 1/1 trials; best alpha/0 0.9000; done in " in repr(browser.outputs[0][-1])


def test_the_line_does_not_flood_the_browser_and_ends_with_what_was_said_last(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes that come too fast are left out, never the last; markup is shown as it is."""
    monkeypatch.setattr(notebook, "PAUSE", 1000.0)
    line = Line(browser.display)
    for number in range(100):
        line.show(f"<b>{number}")
    line.close()
    (shown,) = browser.outputs
    assert [repr(each) for each in shown] in (["", "<b>0", "<b>99"], ["", "<b>99"])
    assert shown[-1]._repr_html_() == "<pre>&lt;b&gt;99</pre>"


def test_fits_beside_the_search_are_one_output_too(browser: Browser) -> None:
    """Comparisons and variance designs."""
    stream = io.StringIO()
    with fit_progress.shown(Console(file=stream), {spec.key: "a fit" for spec in ALPHA}) as on_fit:
        for spec in ALPHA:
            on_fit(spec, run_of(spec))
    (line,) = browser.outputs
    assert repr(line[-1]).startswith("3/3  a fit: F1 ")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("shell", [None, SimpleNamespace(), SimpleNamespace(kernel=None)])
def test_elsewhere_there_is_no_notebook(monkeypatch: pytest.MonkeyPatch, shell: Any) -> None:
    """Without IPython, in a script that imports it, and at its prompt in a terminal."""
    assert notebook_display() is None
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert notebook_display() is None
