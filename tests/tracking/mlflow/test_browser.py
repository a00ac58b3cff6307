"""The record in MLflow's own pages, looked at with a real browser."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from sweeps.execution.loop import run_sweep
from sweeps.execution.progress import Silent
from tests.chromium import Browser, chromium
from tests.closed_formula import InlineWorkers, plan, prepared, starter
from tracking.ledger.ledger import Ledger
from tracking.mlflow.view import MlflowView, _mlflow
from tracking.records import SweepRecord

pytestmark = pytest.mark.server

MODEL_TRAINING = "workflowType=machine_learning"
#: How many pictures are on the page that are larger than an icon.
PICTURES = "[...document.images].filter(i => i.complete && i.naturalWidth > 300).length"
#: Shows the trials under their sweep.
EXPAND = (
    "(() => { const button = document.querySelector('.ag-cell-wrapper button');"
    " const text = document.body.innerText;"
    " if (button && !text.includes('alpha/1') && !window.clicked) { window.clicked = true; button.click(); }"
    " return text.includes('alpha/1'); })()"
)
#: How many curves have been drawn.
CURVES = "document.querySelectorAll('.js-plotly-plot .scatterlayer .js-line, .js-plotly-plot canvas').length"
#: What MLflow keeps in the browser: that its assistant has been opened before, and closed.
ASSISTANT = {
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.assistant.panelOpen_v1": "false",
}


@dataclass(frozen=True)
class Pages:
    """The addresses of a sweep's pages in a running UI."""

    server: str
    experiment: str
    sweep: str
    trials: tuple[str, str]

    @property
    def runs(self) -> str:
        """All runs."""
        return f"{self.server}/#/experiments/{self.experiment}/runs?{MODEL_TRAINING}"

    def run(self, run_id: str, tab: str = "") -> str:
        """One run, or one of its tabs."""
        return f"{self.server}/#/experiments/{self.experiment}/runs/{run_id}{tab}?{MODEL_TRAINING}"

    @property
    def comparison(self) -> str:
        """Two trials side by side."""
        runs, experiments = quote(json.dumps(self.trials)), quote(json.dumps([self.experiment]))
        return f"{self.server}/#/compare-runs?runs={runs}&experiments={experiments}&{MODEL_TRAINING}"


def pages(server: str, database: str, record: SweepRecord) -> Pages:
    """Find the sweep's runs and those of its two best trials."""
    client = _mlflow().MlflowClient(tracking_uri=database)
    experiment = client.get_experiment_by_name(record.name).experiment_id
    ids = {run.info.run_name: run.info.run_id for run in client.search_runs([experiment])}
    first, second = (trial.name for trial in record.ranking[:2])
    return Pages(server, experiment, ids[record.name], (ids[first], ids[second]))


@contextmanager
def ui(database: str) -> Iterator[str]:
    """Serve MLflow's UI as ``refold ui`` does."""
    program = "import sys; from tracking.mlflow.ui import serve_ui; serve_ui(sys.argv[1], 0)"
    with subprocess.Popen(
        [sys.executable, "-c", program, database], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = next(
                m for line in process.stdout if (m := re.search(r"(http://[\d.:]+)/\S+ .*Ctrl-C", line))
            )
            yield found[1]
        finally:
            process.terminate()
            process.wait(60)


def look_around(browser: Browser, there: Pages, name: str, keep: Callable[[str], None]) -> None:
    """Look at everything that a person would; ``keep`` is called with a name for each page."""
    browser.remember(**ASSISTANT)
    browser.open(there.runs)
    browser.wait_for("Run Name", name, "matching runs")
    browser.wait_until(lambda: browser.run(EXPAND), bool, "trials")
    keep("runs")
    browser.open(there.run(there.sweep))
    browser.wait_for("Description", "Show more")
    browser.click("Show more")
    text = browser.wait_for("Leaderboard", "refold verify", "Next")
    assert "trials have ended" in text
    browser.wait_until(lambda: browser.run(PICTURES), lambda found: found == 2, "pictures")
    keep("sweep")
    browser.open(there.run(there.sweep, "/artifacts"))
    browser.wait_for("sweep.toml", "environment.json", "parallel_coordinates.png")
    for picture in ("importance.png", "hyperparameters.png", "parallel_coordinates.png"):
        browser.click(picture)
        browser.wait_until(lambda: browser.run(PICTURES), lambda found: found > 0, picture)
        keep(picture.removesuffix(".png"))
    browser.open(there.run(there.trials[0], "/model-metrics"))
    browser.wait_for("stop_f1", "fold_0", "fold_1")
    browser.wait_until(lambda: browser.run(CURVES), lambda found: found >= 3, "curves")
    keep("curves")
    browser.open(there.run(there.trials[0], "/artifacts"))
    browser.wait_for("learning_curves.png", "confusion_matrix.png", "predictions.json")
    browser.click("predictions.json")
    browser.wait_for("predicted", "confidence")
    keep("predictions")
    browser.open(there.comparison)
    browser.wait_for("Comparing 2 Runs", "learning_rate", "cv/f1")
    keep("comparison")


@pytest.mark.slow
def test_the_record_can_be_browsed(database: str, tmp_path: Path) -> None:
    """Runs, the sweep's note with its pictures, a trial's curves and predictions, two trials compared."""
    with Ledger.open(tmp_path / "home") as ledger:
        start = starter(InlineWorkers(2))
        made = prepared(plan(trials=6))
        record = run_sweep(made, tmp_path / "home", ledger, start_workers=start, workers=2, progress=Silent())
    MlflowView(database, tmp_path / "artifacts", "made-up", tmp_path / "home" / "datasets").write(record)
    with ui(database) as server, chromium() as browser:
        look_around(browser, pages(server, database, record), "made-up", lambda _: None)
