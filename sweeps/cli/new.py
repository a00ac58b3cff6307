"""``refold new``: a sweep file that fits a source."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.cli.image_progress import ImageProgress
from sweeps.cli.options import Arguments, Verbs, json_option, workers_option
from sweeps.cli.output import check_writable, print_json, put, say
from trainer.errors import UsageError
from trainer.escaping import for_shell
from trainer.quantities import counted, duration

if TYPE_CHECKING:
    from sweeps.authoring.new_sweep import NewSweep


def add_verbs(verbs: Verbs) -> None:
    """Add ``new``."""
    added = verbs.add(new, "new photos --hours 2")
    added.add_argument("source", help="a folder of images, a table, an .npz file or a built-in dataset")
    added.add_argument("--name", help="the sweep's name (default: the source's)")
    added.add_argument("--hours", type=_hours, default=1.0, help="how long the sweep may take (default: 1)")
    added.add_argument("--out", type=Path, metavar="FILE", help="the sweep file (default: NAME.toml, here)")
    added.add_argument("--force", action="store_true", help="replace the sweep file if it is there")
    workers_option(added)
    json_option(added)


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0 < hours <= 10_000:
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is no number of hours above 0, and at most 10,000")
    return hours


def new(options: Arguments) -> int:
    """Write a commented sweep file that fits a dataset and a number of hours."""
    from sweeps.authoring.new_sweep import new_sweep, sweep_name
    from sweeps.diagnostics.machine import worker_count
    from trainer.datasets.built_in import NAMES

    out: Path | None = options.out
    check_writable("--out", out)
    folder = Path() if out is None else out.parent
    expected = out or Path(f"{sweep_name(options.name or Path(options.source).stem)}.toml")
    if expected.exists() and not options.force:  # before minutes of work
        raise UsageError(f"{expected} is there already: name another with --out, or add --force")
    made = new_sweep(
        options.source if options.source in NAMES else _seen_from(folder, options.source),
        folder=folder,
        hours=options.hours,
        workers=worker_count(options.workers),
        name=options.name,
        progress=ImageProgress().reading,
        say=say,
    )
    path = out or Path(f"{made.spec.name}.toml")
    try:
        with path.open("w" if options.force else "x", encoding="utf-8") as stream:
            stream.write(made.text)
    except FileExistsError:
        raise UsageError(f"{path} is there already: name another with --out, or add --force") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from None
    if options.json:
        print_json({"file": str(path)} | made.to_json())
        return 0
    _say_what_was_written(made, path)
    return 0


def _say_what_was_written(made: "NewSweep", path: Path) -> None:
    data, exam = made.fitted.loaded.search, made.fitted.loaded.exam
    aside = "no exam" if exam is None else f"{counted(len(exam.labels), 'image')} set aside as the exam"
    classes = counted(len(data.classes), "class", "classes")
    put(
        f"wrote {path}: {counted(len(data.labels), 'image')} of {classes} to search with, {aside}",
        f"{made.budget.trials} trials of each architecture, {made.fitted.folds} folds, at most "
        f"{made.budget.epochs} epochs: about {duration(3600 * made.budget.expected)}",
    )
    if made.budget.expected > made.budget.hours:
        trials, hours = made.budget.trials, made.budget.hours
        put(f"fewer trials than {trials} show little, so this is more than {hours:g} h")
    if made.budget.too_slow:
        put(f"left out, as too slow for that time: {', '.join(made.budget.too_slow)}")
    name = for_shell(str(path))
    put("", "next:", f"  refold inspect {name}", f"  refold run {name}")


def _seen_from(folder: Path, source: str) -> str:
    """Return a path as it is seen from a folder."""
    path = Path(source).expanduser()
    if path.is_absolute() or folder == Path() or not path.exists():
        return source
    return os.path.relpath(path, folder)
