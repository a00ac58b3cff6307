"""MLflow's view of the record: ``refold ui``, ``sync``."""

from sweeps.cli.options import Arguments, Verbs, port, tracking_option
from sweeps.cli.output import err
from sweeps.home import Home
from trainer.errors import UsageError


def add_verbs(verbs: Verbs) -> None:
    """Add ``ui`` and ``sync``."""
    serving = verbs.add(ui, "ui --port 5000 --open")
    serving.add_argument("--port", type=port, default=5000, help="0 for any free one (default: 5000)")
    serving.add_argument("--open", action="store_true", help="open the browser")
    tracking_option(serving)
    syncing = verbs.add(sync, "sync digits")
    syncing.add_argument("sweep", nargs="?", help="name of the sweep (default: all)")
    syncing.add_argument(
        "--rebuild",
        action="store_true",
        help="remove what MLflow has of it first, with what people added there, and write it anew",
    )
    tracking_option(syncing)


def ui(options: Arguments) -> int:
    """Serve MLflow's own UI on this home."""
    from tracking.mlflow.ui import serve_ui

    home = Home.chosen(options.home)
    if home.is_own(home.tracking_uri(options.tracking_uri)) and not (home.path / "mlflow.db").exists():
        raise UsageError(f"no sweep has run in {home.path}: there is nothing to show yet")
    serve_ui(home.tracking_uri(options.tracking_uri), options.port, open_browser=options.open)
    return 0


def sync(options: Arguments) -> int:
    """Bring MLflow up to date with the ledger."""
    from sweeps.mlflow_record import mlflow_view
    from tracking.ledger.ledger import Ledger

    home = Home.chosen(options.home)
    uri = home.tracking_uri(options.tracking_uri)
    with Ledger.read(home.path):  # says so where there is none, and creates nothing
        pass
    with Ledger.open(home.path) as ledger:  # held: while a sweep runs, its own recorder writes
        names = [options.sweep] if options.sweep else ledger.sweep_names()
        records = [ledger.sweep(name) for name in names]
        entries = [ledger.entry(name) for name in names]
        views = [mlflow_view(home, uri, entry.details.experiment) for entry in entries if entry]
        if options.rebuild:  # all of them before the first is written: experiments are made anew too
            for record, view in zip(records, views, strict=True):
                # Not the models that were exported there: the ledger alone cannot make them again.
                err.print(f"removed from MLflow: {view.delete(record, models=False)}", markup=False)
        for record, view in zip(records, views, strict=True):
            view.write(record, live=False)
            err.print(f"MLflow has all of {record.name}: {len(record.trials)} trials", markup=False)
    return 0
