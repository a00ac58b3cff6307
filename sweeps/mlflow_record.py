"""Where MLflow's record of a sweep lives, the view that writes it, and how it is completed and looked at."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sweeps.home import Home
from tracking.ledger.ledger import Ledger
from trainer.errors import UsageError

if TYPE_CHECKING:
    from tracking.mlflow.view import MlflowView


def check_tracking_uri(tracking_uri: str) -> None:
    """Refuse a tracking URI that cannot be one.

    Raises:
        UsageError: saying why.
    """
    from tracking.mlflow.uri import check_uri

    check_uri(tracking_uri)


def mlflow_view(home: Home, tracking_uri: str, experiment: str) -> "MlflowView":
    """Return the view of ``experiment`` in MLflow."""
    from tracking.mlflow.uri import is_server
    from tracking.mlflow.view import MlflowView

    # A server has a place for artifacts, an SQLite file elsewhere has them beside it.
    elsewhere = is_server(tracking_uri) or tracking_uri.startswith("sqlite")
    artifacts = home.artifacts if home.is_own(tracking_uri) or not elsewhere else None
    return MlflowView(tracking_uri, artifacts, experiment, home.path / "datasets")


def sync(
    home: Home,
    name: str | None = None,
    *,
    tracking_uri: str | None = None,
    rebuild: bool = False,
    say: Callable[[str], None] = lambda _text: None,
) -> None:
    """Bring MLflow up to date with the ledger.

    Args:
        home: of the ledger.
        name: of the sweep; all of the home if None.
        tracking_uri: MLflow's store; ``MLFLOW_TRACKING_URI``, or SQLite in the home, if None.
        rebuild: remove what MLflow has of it first, with what people added there, but for exported models.
        say: told what was done, a line each.

    Raises:
        UsageError: if there is no such sweep, or another process holds the ledger.
        ViewUnavailable: if MLflow cannot take it now; calling again completes it.
    """
    uri = home.tracking_uri(tracking_uri)
    with Ledger.read(home.path):  # says so where there is none, and creates nothing
        pass
    with Ledger.open(home.path) as ledger:  # held: while a sweep runs, its own recorder writes
        names = [name] if name else ledger.sweep_names()
        records = [ledger.sweep(each) for each in names]
        entries = [ledger.entry(each) for each in names]
        views = [mlflow_view(home, uri, entry.details.experiment) for entry in entries if entry]
        if rebuild:  # all of them before the first is written: experiments are made anew too
            for record, view in zip(records, views, strict=True):
                # Not the models that were exported there: the ledger alone cannot make them again.
                say(f"removed from MLflow: {view.delete(record, models=False)}")
        for record, view in zip(records, views, strict=True):
            view.write(record, live=False)
            say(f"MLflow has all of {record.name}: {len(record.trials)} trials")


def serve(home: Home, *, tracking_uri: str | None = None, port: int, open_browser: bool = False) -> None:
    """Serve MLflow's own UI on a home until it is interrupted.

    Args:
        home: of the ledger.
        tracking_uri: MLflow's store; ``MLFLOW_TRACKING_URI``, or SQLite in the home, if None.
        port: to listen on; 0 for any free one.
        open_browser: open the address when it answers.

    Raises:
        UsageError: if there is nothing to show, or the port is taken.
        ViewUnavailable: if MLflow does not start.
    """
    from tracking.mlflow.ui import serve_ui

    uri = home.tracking_uri(tracking_uri)
    if home.is_own(uri) and not (home.path / "mlflow.db").exists():
        raise UsageError(f"no sweep has run in {home.path}: there is nothing to show yet")
    serve_ui(uri, port, open_browser=open_browser)
