"""``refold inspect``: what is in the images, before anything is trained and after."""

import argparse
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
    from sweeps.inspection.suspects import Suspect

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
    from sweeps.inspection.suggestions import lines_of

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
        _print_suspects(report.suspects)
    if found.suggestions:
        put("", "for the sweep file:")
        put(*(f"  {line}" for line in lines_of(found.suggestions)))


def _print_suspects(suspects: "list[Suspect]") -> None:
    if not suspects:
        put("", "no likely label errors were found")
        return
    put("", "likely label errors, the most suspicious first:")
    put(*(f"  {each}" for each in suspects[:SHOWN]))
    if len(suspects) > SHOWN:
        put(f"  {len(suspects) - SHOWN} more: --html FILE shows them, --json lists them")


def _print_duplicates(found: "Inspection") -> None:
    if not found.duplicates:
        return
    from sweeps.inspection.findings import ranked

    put("", f"{counted(len(found.duplicates), 'set')} of duplicates:")
    for each in ranked(found.duplicates)[:SHOWN]:
        crosses = f", across {', '.join(each.crosses)}" if each.crosses else ""
        more = f" and {len(each.paths) - SHOWN} more" if len(each.paths) > SHOWN else ""
        put(f"  {each.kind}{crosses}: {', '.join(each.paths[:SHOWN])}{more}")
    if len(found.duplicates) > SHOWN:
        put(f"  {len(found.duplicates) - SHOWN} more: --html FILE shows them, --json lists them")
