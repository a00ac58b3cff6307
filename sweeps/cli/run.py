"""``refold run``: runs or continues a sweep, or lists what it would do."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.cli import dry_run
from sweeps.cli.image_progress import ImageProgress
from sweeps.cli.leaderboard import print_leaderboard
from sweeps.cli.options import (
    Arguments,
    Verbs,
    certificates_option,
    json_option,
    tracking_option,
    up_to,
    wait_option,
    workers_option,
)
from sweeps.cli.output import err, print_json, put, put_table
from sweeps.cli.record_json import sweep_json
from sweeps.home import Home
from tracking.reports.text_table import Column, Table
from trainer.errors import UsageError
from trainer.escaping import for_shell
from trainer.limits import SECONDS

if TYPE_CHECKING:
    from sweeps.api.sweep import Cluster
    from tracking.records import SweepRecord


def add_verbs(verbs: Verbs) -> None:
    """Add ``run``."""
    added = verbs.add(run, "run sweep.toml --workers 2")
    added.add_argument("sweep", help="the sweep file (TOML)")
    workers_option(added)
    added.add_argument("--dry-run", action="store_true", help="list trials, folds and fits; start nothing")
    added.add_argument("--quiet", action="store_true", help="show no progress")
    added.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="train on the workers of this scheduler: tcp://HOST:PORT, tls://HOST:PORT or a scheduler file "
        "(or REFOLD_CLUSTER); --workers is then the number of workers to wait for (default: 1)",
    )
    certificates_option(added)
    added.add_argument(
        "--cluster-wait",
        type=up_to(SECONDS),
        metavar="SECONDS",
        help="wait this long for the scheduler, then for workers (default: 60)",
    )
    added.add_argument(
        "--mixed",
        action="store_true",
        help="admit other kinds of processors or GPUs: bits may differ; each fit records its kind",
    )
    wait_option(added)
    tracking_option(added)
    json_option(added)


def run(options: Arguments) -> int:
    """Run or resume a sweep."""
    from sweeps.api import sweep
    from sweeps.diagnostics.machine import worker_count
    from sweeps.execution.window_advice import window_advice

    reading = ImageProgress(quiet=options.quiet).reading
    prepared = sweep.ready(Path(options.sweep), Home.chosen(options.home), reading)
    if options.dry_run:
        report = dry_run.report(prepared)
        if options.json:
            print_json(report)
        else:
            put(*dry_run.lines(report))
            if advice := window_advice(prepared.plan, worker_count(options.workers)):
                put("", advice)
        return 0
    outcome = sweep.run(
        prepared,
        home=options.home,
        workers=options.workers,
        cluster=_cluster(options),
        tracking_uri=options.tracking_uri,
        progress=not options.quiet,
        console=err,
        wait=options.wait,
    )
    record = outcome.record
    if options.json:
        print_json(sweep_json(record))
    else:
        print_leaderboard(record)
        _say_what_next(record, options)
    lost = set(record.architectures) - {trial.architecture for trial in record.winners}
    return 1 if lost else 0


def _cluster(options: Arguments) -> "Cluster | None":
    from sweeps.api.sweep import PATIENCE, Cluster

    there = options.cluster or os.environ.get("REFOLD_CLUSTER")
    if not there:
        given = [name for name in ("certificates", "mixed", "cluster_wait") if getattr(options, name)]
        if given:
            option = given[0].replace("_", "-")
            raise UsageError(f"--{option} is for a cluster: give its scheduler with --cluster ADDRESS")
        return None
    return Cluster(
        address=there,
        certificates=options.certificates,
        mixed=options.mixed,
        patience=options.cluster_wait or PATIENCE,
    )


def _say_what_next(record: "SweepRecord", options: Arguments) -> None:
    put("", f"sweep {record.name}, seed {record.seed}, digest {record.digest}")
    put(f"recorded in {Home.chosen(options.home).path}")
    if len(record.trials) > len(record.winners):
        put("Each is the best of its trials, so expect a little less of it on new data.")
    name = for_shell(record.name)
    home = f" --home {shlex.quote(options.home)}" if options.home else ""
    commands = (
        (f"refold show {name}{home}", "every trial; --trial ARCHITECTURE/NUMBER for one"),
        (f"refold ui {name}{home}", "curves and confusion matrices, in MLflow"),
        (f"refold compare {name}{home}", "which architecture is better, and how sure"),
        (f"refold verify {name}{home}", "train a sample of it again, compare every digest"),
        (f"refold export {name}{home}", "the best model, trained on all the data"),
        (
            f"refold study {name}{home} --storage sqlite:///study.db",
            "the same for optuna-dashboard",
        ),
    )
    columns = (Column(title="next:"), Column(title="", words=True))
    put("")
    put_table(Table(columns=columns, rows=commands))
