"""MLflow's view of the record: ``refold ui``, ``sync``."""

from sweeps.cli.options import Arguments, Verbs, port, tracking_option, wait_option
from sweeps.cli.output import say
from sweeps.home import Home


def add_verbs(verbs: Verbs) -> None:
    """Add ``ui`` and ``sync``."""
    serving = verbs.add(ui, "ui --port 5000 --open")
    serving.add_argument("sweep", nargs="?", help="sweep to show, if sweeps of this home use several stores")
    serving.add_argument(
        "--port", type=port, default=5000, help="port to listen on, 0 for any free one (default: 5000)"
    )
    serving.add_argument("--open", action="store_true", help="open it in a browser")
    tracking_option(serving)
    syncing = verbs.add(sync, "sync digits")
    syncing.add_argument("sweep", nargs="?", help="name of the sweep (default: all)")
    syncing.add_argument(
        "--rebuild",
        action="store_true",
        help="first remove what MLflow has, notes and tags of users included, then write all of it again; "
        "a damaged database in the home is kept aside",
    )
    wait_option(syncing)
    tracking_option(syncing)


def ui(options: Arguments) -> int:
    """Show the sweeps of this home in MLflow's own UI."""
    from sweeps.mlflow_record import serve

    serve(
        Home.chosen(options.home),
        options.sweep,
        tracking_uri=options.tracking_uri,
        port=options.port,
        open_browser=options.open,
        say=say,
    )
    return 0


def sync(options: Arguments) -> int:
    """Bring MLflow up to date with the ledger."""
    from sweeps import mlflow_sync

    mlflow_sync.sync(
        Home.chosen(options.home),
        options.sweep,
        tracking_uri=options.tracking_uri,
        rebuild=options.rebuild,
        say=say,
        wait=options.wait,
    )
    return 0
