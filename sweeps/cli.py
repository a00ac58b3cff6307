"""The command line: ``refold VERB``. Its grammar, and what becomes of errors; ``commands`` has the verbs.

Exit codes: 0 done; 1 the answer is no; 2 wrong input; 130 interrupted.
"""

import argparse
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import NoReturn

from sweeps import commands
from sweeps.choosing import HOWS
from trainer.errors import Mismatch, UsageError
from trainer.formats import ALL, FORMATS

Verb = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    # What is imported stays: looking through it for garbage as often as Python does by itself took a sixth
    # of a short sweep's coordinator.
    gc.set_threshold(50_000, 10, 10)
    options = parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):  # a scheduler's or a closed terminal's Ctrl-C
        signal.signal(number, _interrupt)
    try:
        code = options.verb(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        commands.err.print(
            "\ninterrupted; what has finished is recorded, run the same command again to go on"
        )
        code = 130
    except BrokenPipeError:  # 'refold show ... | head'
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:  # noqa: BLE001 - the one place where nothing may get past
        if options.debug:
            traceback.print_exc()
        code = 2 if isinstance(error, UsageError) else 1
        known = isinstance(error, UsageError | Mismatch) or type(error).__name__ in KNOWN
        hint = "" if known else " (an error in refold; --debug shows where)"
        name = "" if known else f"{type(error).__name__}: "
        text = " ".join(str(error).split())  # one line, whatever a library put into it
        commands.err.print(f"refold: {name}{text}{hint}", markup=False)
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


#: Errors that say all there is to say; named, so that Dask and MLflow are not imported for it.
KNOWN = ("WorkersFailed", "ViewUnavailable", "DiskFull")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; argparse would print the whole usage before it."""

    def error(self, message: str) -> NoReturn:
        """Exit with 2."""
        self.exit(2, f"{self.prog}: {message} ('{self.prog} --help' lists what there is)\n")


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    top = _Parser(
        prog="refold",
        description="Hyperparameter sweeps over CNN architectures that repeat bit for bit.",
        epilog="Begin with: refold run examples/digits.toml. Exit codes: 0 done; 1 the answer is no; "
        "2 wrong input; 130 interrupted.",
    )
    top.add_argument("--version", action="version", version=f"refold {version('refold')}")
    verbs = top.add_subparsers(metavar="VERB", required=True)

    def verb(function: Verb, example: str) -> argparse.ArgumentParser:
        text = (function.__doc__ or "").strip()
        added = verbs.add_parser(
            function.__name__, help=text, description=text, epilog=f"Example: refold {example}"
        )
        added.set_defaults(verb=function)
        added.add_argument("--home", help="folder for everything (default: REFOLD_HOME or refold-runs)")
        added.add_argument("--debug", action="store_true", help="show where an error came from")
        return added

    _run_options(verb(commands.run, "run examples/digits.toml --workers 2"))
    _json_option(verb(commands.ls, "ls --json"))
    showing = _json_option(verb(commands.show, "show digits --trial resnet/3"))
    showing.add_argument("sweep", help="name of the sweep")
    showing.add_argument("--trial", metavar="ARCHITECTURE/NUMBER", help="one trial: folds, seeds, report")
    _verify_options(verb(commands.verify, "verify digits --trial resnet/3"))
    _scheduler_options(verb(commands.scheduler, "scheduler --host 10.0.0.5 --certificates certificates"))
    _worker_options(verb(commands.worker, "worker tls://10.0.0.5:8786 --certificates certificates"))
    making = verb(commands.certificates, "certificates certificates")
    making.add_argument("folder", type=Path, help="takes ca.pem, cert.pem and key.pem")
    making.add_argument("--days", type=_positive, default=825, help="how long they are good (default: 825)")
    making.add_argument("--if-missing", action="store_true", help="keep those that are there")
    _compare_options(verb(commands.compare, "compare digits --html digits.html"))
    _plan_options(verb(commands.plan, "plan --scores 0.8905 0.8796 0.8849"))
    _variance_options(verb(commands.variance, "variance digits --dry-run"))
    _export_options(verb(commands.export, "export digits --how ensemble --format keras,onnx --out models"))
    predicting = _json_option(verb(commands.predict, "predict models/digits-resnet-refit-f1_0.9811 photos"))
    predicting.add_argument("model", type=Path, help="an exported model's folder, or a file in it")
    predicting.add_argument("images", type=Path, nargs="+", help="image files (PNG, JPEG) or folders of them")
    serving = _tracking_option(verb(commands.ui, "ui --port 5000 --open"))
    serving.add_argument("--port", type=_port, default=5000, help="0 for any free one (default: 5000)")
    serving.add_argument("--open", action="store_true", help="open the browser")
    syncing = _tracking_option(verb(commands.sync, "sync digits"))
    syncing.add_argument("sweep", nargs="?", help="name of the sweep (default: all)")
    syncing.add_argument(
        "--rebuild",
        action="store_true",
        help="remove what MLflow has of it first, with what people added there, and write it anew",
    )
    studying = _json_option(verb(commands.study, "study digits --storage sqlite:///study.db"))
    studying.add_argument("sweep", help="name of the sweep")
    studying.add_argument("--storage", required=True, metavar="URL", help="a database: SQLite or PostgreSQL")
    removing = _tracking_option(verb(commands.rm, "rm digits --yes"))
    removing.add_argument("sweep", help="name of the sweep")
    removing.add_argument("--yes", action="store_true", help="do not ask")
    removing.add_argument("--keep-mlflow", action="store_true", help="leave MLflow's record alone")
    examining = _json_option(verb(commands.doctor, "doctor examples/digits.toml"))
    examining.add_argument("sweep", nargs="?", help="a sweep file (default: the baseline on made-up images)")
    examining.add_argument("--workers", type=_positive, help="as for 'run' (default: one a core)")
    return top


def _run_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("sweep", help="the sweep file (TOML)")
    added.add_argument("--workers", type=_positive, help="training processes (default: one a core)")
    added.add_argument("--dry-run", action="store_true", help="list trials, folds and fits; start nothing")
    added.add_argument("--quiet", action="store_true", help="no progress")
    added.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="train on the workers of this scheduler: tcp://HOST:PORT, tls://HOST:PORT or a scheduler file "
        "(or REFOLD_CLUSTER); --workers then says how many to wait for (default: 1)",
    )
    _certificates_option(added)
    added.add_argument(
        "--wait", type=_positive, metavar="SECONDS", help="for the scheduler, then for workers (default: 60)"
    )
    added.add_argument(
        "--mixed",
        action="store_true",
        help="let in other kinds of processors or GPUs: bits may differ; each fit records its own",
    )
    _json_option(_tracking_option(added))


def _verify_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("sweep", help="name of the sweep, or the id of one of its runs in MLflow")
    added.add_argument("--all", action="store_true", help="every fit (default: a sample of them)")
    added.add_argument("--trial", metavar="ARCHITECTURE/NUMBER", help="all fits of one trial")
    added.add_argument("--fold", type=int, help="this fold only")
    added.add_argument("--workers", type=_positive, help="training processes (default: one a core)")
    _json_option(_tracking_option(added))


def _scheduler_options(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "--host", default="127.0.0.1", help="interface to listen on, 0.0.0.0 for all (default: 127.0.0.1)"
    )
    added.add_argument("--port", type=_port, default=8786, help="0 for any free one (default: 8786)")
    added.add_argument("--scheduler-file", type=Path, metavar="FILE", help="takes the address")
    _certificates_option(added)


def _worker_options(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "address", help="the scheduler's: tcp://HOST:PORT, tls://HOST:PORT or a scheduler file"
    )
    added.add_argument(
        "--nworkers", type=_positive, help="training processes (default: one a GPU, or one a core without)"
    )
    added.add_argument(
        "--per-gpu", type=_positive, default=1, metavar="N", help="workers that share a GPU (default: 1)"
    )
    added.add_argument("--cpu", action="store_true", help="leave GPUs alone")
    added.add_argument(
        "--folder",
        type=Path,
        default=Path("refold-worker"),
        help="for logs and data (default: refold-worker)",
    )
    added.add_argument(
        "--data", type=Path, metavar="FOLDER", help="stored datasets, like a home's 'datasets'"
    )
    added.add_argument(
        "--wait", type=_positive, default=60, metavar="SECONDS", help="for the scheduler (default: 60)"
    )
    _certificates_option(added)


def _certificates_option(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "--certificates", metavar="DIR", help="for TLS, from 'refold certificates' (or REFOLD_CERTIFICATES)"
    )


def _export_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("sweep", help="name of the sweep")
    added.add_argument("--architecture", help="its best trial instead of the best of all")
    added.add_argument("--trial", metavar="ARCHITECTURE/NUMBER", help="this trial instead of the best")
    added.add_argument(
        "--how",
        choices=HOWS,
        default="refit",
        help="train on all the data for the median best epoch of the folds (refit, the default), average the "
        "fold models (ensemble), or take the best of them (best-fold)",
    )
    added.add_argument(
        "--format",
        action="append",
        metavar="FORMAT[,FORMAT]",
        help=f"{', '.join(FORMATS)} or {ALL} (default: keras)",
    )
    added.add_argument("--out", type=Path, default=Path(), help="folder for the model's own (default: here)")
    added.add_argument("--force", action="store_true", help="replace another model of the same name")
    _json_option(_tracking_option(added))


def _compare_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("sweep", help="name of a finished sweep")
    added.add_argument(
        "--repeats", type=_positive, help="fresh repeats of each winner (default: 5, or all recorded)"
    )
    added.add_argument(
        "--rope", type=float, default=0.005, help="a difference that does not matter (default: 0.005)"
    )
    added.add_argument(
        "--claim",
        choices=["new-data", "this-data"],
        default="new-data",
        help="about other images of the same source, or about these (default: new-data)",
    )
    added.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures")
    added.add_argument("--workers", type=_positive, help="training processes (default: one a core)")
    _json_option(_tracking_option(added))


def _plan_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("sweep", nargs="?", help="name of a recorded sweep")
    added.add_argument(
        "--scores", type=float, nargs="+", metavar="SCORE", help="scores in 0 to 1 of runs that you have"
    )
    added.add_argument(
        "--architectures", type=_positive, default=2, help="with --scores: how many you compare (default: 2)"
    )
    _json_option(added)


def _variance_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("sweep", help="name of a finished sweep")
    added.add_argument("--architecture", help="its best trial instead of the best of all")
    added.add_argument("--rows", type=_positive, default=16, help="of the design, 6 fits each (default: 16)")
    added.add_argument("--dry-run", action="store_true", help="say what it would cost; start nothing")
    added.add_argument("--workers", type=_positive, help="training processes (default: one a core)")
    _json_option(_tracking_option(added))


def _json_option(added: argparse.ArgumentParser) -> argparse.ArgumentParser:
    added.add_argument("--json", action="store_true", help="print JSON")
    return added


def _tracking_option(added: argparse.ArgumentParser) -> argparse.ArgumentParser:
    added.add_argument("--tracking-uri", help="MLflow's store (default: MLFLOW_TRACKING_URI or in the home)")
    return added


def _positive(text: str) -> int:
    value = int(text) if text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return value


def _port(text: str) -> int:
    # The system would take it modulo 65536, and listen elsewhere than it was told to.
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a whole number from 0 to 65535")
    return int(text)


if __name__ == "__main__":
    main()
