"""``refold inspect``: what is in the images, before anything is trained and after."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.cli.image_progress import ImageProgress
from sweeps.cli.options import Arguments, Verbs, json_option, trust_option, workers_option
from sweeps.cli.output import check_writable, print_json, put, put_table
from tracking.reports.text_table import Column, Table
from trainer.errors import UsageError
from trainer.quantities import counted

if TYPE_CHECKING:
    from sweeps.api.inspection import InspectionReport
    from sweeps.inspection.findings import Inspection

#: Sets of duplicates and likely label errors that the terminal shows.
SHOWN = 5


def add_verbs(verbs: Verbs) -> None:
    """Add ``inspect``."""
    added = verbs.add(inspect, "inspect photos --html photos.html")
    _options(added)


def _options(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "what", metavar="SOURCE", help="a dataset's name or path, a sweep file, or a recorded sweep"
    )
    added.add_argument("--labels", action="store_true", help="find likely label errors of a finished sweep")
    added.add_argument("--members", action="store_true", help="list where each image is: part, fold, group")
    added.add_argument("--exact", action="store_true", help="look for equal images only, which is faster")
    added.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures")
    workers_option(added)
    trust_option(added)
    json_option(added)


def inspect(options: Arguments) -> int:
    """Look at the images: counts, duplicates, leaks, what is too few, likely label errors."""
    from sweeps.api.inspection import inspect as examined

    check_writable("--html", options.html)
    report = examined(
        options.what,
        options.home,
        near=not options.exact,
        labels=options.labels,
        sweep=options.members,
        workers=options.workers,
        progress=ImageProgress(),
        trust_code=options.trust_code,
    )
    if options.html is not None:
        try:
            options.html.write_text(report.page(), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{options.html}: cannot be written ({error.strerror})") from None
    if options.members:
        _print_members(report, options)
    elif options.json:
        print_json(report.to_json())
    else:
        _print(report)
        if options.html is not None:
            put("", f"the page is in {options.html}")
    return 1 if report.inspection.wrong else 0


def _print_members(report: "InspectionReport", options: Arguments) -> None:
    members = report.members()
    if options.json:
        print_json(members)
        return
    names = ("path", "label", "group", "part", "fold")
    rows = [["" if member[name] is None else str(member[name]) for name in names] for member in members]
    put_table(Table(columns=tuple(Column(title=name) for name in names), rows=rows))


def _print(report: "InspectionReport") -> None:
    found = report.inspection
    classes = counted(len(found.classes), "class", "classes")
    put(f"{found.name}: {counted(len(found.members), 'image')}, {classes}")
    put(*(f"  {line}" for line in found.facts), "")
    columns = (Column(title="class"), Column(title="images", right=True))
    put_table(Table(columns=columns, rows=[[name, f"{count:,}"] for name, count in found.classes.items()]))
    put("")
    if not found.problems:
        put("nothing wrong was found")
    for problem in found.problems:
        put(f"{'WRONG' if problem.serious else 'note'}: {problem.text}")
    _print_duplicates(found)
    if report.suspects is not None:
        put("", f"likely label errors, the most suspicious first ({len(report.suspects)} looked at):")
        for each in report.suspects[:SHOWN]:
            flag = "" if each.flagged else " (only suspicious)"
            put(f"  {each.path}: {each.label}, looks like {each.suggested} ({each.probability:.2f}){flag}")
    if found.suggestions:
        put("", "for the sweep file:")
        for key, value in found.suggestions.items():
            table, _, name = key.rpartition(".")
            put(f"  [{table}] {name} = {_written(value)}")


def _print_duplicates(found: "Inspection") -> None:
    if not found.duplicates:
        return
    put("", f"{counted(len(found.duplicates), 'set')} of duplicates:")
    ranked = sorted(found.duplicates, key=lambda each: (-len(each.crosses), each.images))
    for each in ranked[:SHOWN]:
        crosses = f", across {', '.join(each.crosses)}" if each.crosses else ""
        more = f" and {len(each.paths) - SHOWN} more" if len(each.paths) > SHOWN else ""
        put(f"  {each.kind}{crosses}: {', '.join(each.paths[:SHOWN])}{more}")
    if len(ranked) > SHOWN:
        put(f"  {len(ranked) - SHOWN} more: --html FILE shows them, --json lists them")


def _written(value: object) -> str:
    """Return a value as TOML has it; a list of images to exclude is for a file, one a line."""
    if isinstance(value, list) and value and isinstance(value[0], str):
        names = ", ".join(value[:SHOWN]) + (", …" if len(value) > SHOWN else "")
        return f'"excluded.txt", a file with those that you decide on, one a line: {names}'
    return json.dumps(value, ensure_ascii=False)
