"""Conclusions from a sweep: ``refold compare``, ``plan``, ``variance``."""

import argparse
from dataclasses import asdict
from pathlib import Path

from sweeps.analysis.choices import CLAIMS, ON
from sweeps.cli.options import (
    Arguments,
    Verbs,
    json_option,
    tracking_option,
    trust_option,
    up_to,
    wait_option,
    workers_option,
)
from sweeps.cli.output import err, print_json, put, put_table
from sweeps.home import Home
from tracking.reports.text_table import Table
from trainer.errors import UsageError
from trainer.limits import COMPARED, IMAGES, REFITS, REPEATS, ROWS
from trainer.quantities import counted


def add_verbs(verbs: Verbs) -> None:
    """Add ``compare``, ``plan`` and ``variance``."""
    _compare_options(verbs.add(compare, "compare digits --html digits.html"))
    _plan_options(verbs.add(plan, "plan --scores 0.8905 0.8796 0.8849"))
    _variance_options(verbs.add(variance, "variance digits --dry-run"))


def _compare_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("sweep", help="name of a finished sweep")
    added.add_argument(
        "--on",
        choices=ON,
        help="judge on the exam, which the search never saw, or on the folds (default: the exam "
        "of a sweep that has one)",
    )
    added.add_argument(
        "--refits",
        type=up_to(REFITS),
        help="exam: refits of each winner, 3 or more (default: 5, or the recorded number if that is higher)",
    )
    added.add_argument(
        "--architectures",
        type=_names,
        metavar="A,B",
        help="exam: compare the winners of these architectures (default: all)",
    )
    added.add_argument("--pairs", action="store_true", help="exam: show every pair too")
    added.add_argument(
        "--repeats",
        type=up_to(REPEATS),
        help="folds: fresh repeats of each winner (default: 5, or the recorded number if that is higher)",
    )
    added.add_argument(
        "--claim",
        choices=CLAIMS,
        help="folds: conclude for other images of the same source, or for these (default: new-data)",
    )
    added.add_argument(
        "--rope",
        type=float,
        help="largest difference of scores that does not matter (default: the one that was fixed when the "
        "sweep began: rope under [compare], or 0.005)",
    )
    added.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures")
    workers_option(added)
    wait_option(added)
    trust_option(added)
    tracking_option(added)
    json_option(added)


def compare(options: Arguments) -> int:
    """Train each architecture's winner again; say which is best, and how sure that is."""
    from sweeps.analysis.exam.report import ExamReport
    from sweeps.api import record

    if options.html and not options.html.parent.is_dir():
        raise UsageError(f"--html: there is no folder {options.html.parent}")
    found = record.compare(
        options.sweep,
        options.home,
        on=options.on,
        refits=options.refits,
        architectures=options.architectures,
        repeats=options.repeats,
        claim=options.claim,
        rope=options.rope,
        workers=options.workers,
        tracking_uri=options.tracking_uri,
        console=err,
        wait=options.wait,
        trust_code=options.trust_code,
    )
    if options.html:
        options.html.write_text(found.page(), encoding="utf-8")
    if options.json:
        print_json(found.to_json())
    else:
        parts = found.parts(pairs=options.pairs) if isinstance(found, ExamReport) else found.parts()
        for part in parts:
            if isinstance(part, Table):
                put_table(part)
            else:
                put(part)
        if options.html:
            put("", f"page  {options.html}")
    return 1 if found.comparison.left_out else 0


def _names(text: str) -> list[str]:
    """Read names with commas between them."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError("write names with commas between them, such as resnet,lenet")
    return names


def _count_or_names(text: str) -> int | list[str]:
    """Read a number of architectures, or their names."""
    return up_to(COMPARED)(text) if text.lstrip("-").isdigit() else _names(text)


def _plan_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("sweep", nargs="?", help="name of a recorded sweep")
    added.add_argument(
        "--scores", type=float, nargs="+", metavar="SCORE", help="scores of your own runs, each from 0 to 1"
    )
    added.add_argument(
        "--architectures",
        type=_count_or_names,
        metavar="N or A,B",
        help="with --scores: number of architectures that you compare (default: 2); for a sweep with an "
        "exam: names of those whose winners you compare (default: all)",
    )
    added.add_argument(
        "--test-images",
        type=up_to(IMAGES),
        metavar="M",
        help="with --scores: number of test images, the same for all runs (default: count seeds alone)",
    )
    added.add_argument("--on", choices=ON, help="for a sweep: plan the verdict on its exam, or on its folds")
    json_option(added)


def plan(options: Arguments) -> int:
    """Say how many runs a difference of a given size needs."""
    from sweeps.analysis import plan as plans
    from sweeps.analysis import plan_from_scores
    from sweeps.api import record

    if (options.sweep is None) == (options.scores is None):
        raise UsageError("name a recorded sweep, or give --scores of your own runs: one of the two")
    report = record.plan(
        options.sweep,
        options.home,
        scores=options.scores,
        architectures=options.architectures,
        test_images=options.test_images,
        on=options.on,
    )
    if options.json:
        print_json(report)
    else:
        lines = plans.lines if options.scores is None else plan_from_scores.score_lines
        put(*lines(report))
    return 0


def _variance_options(added: argparse.ArgumentParser) -> None:
    added.add_argument("sweep", help="name of a finished sweep")
    added.add_argument("--architecture", help="take the best trial of this architecture (default: of all)")
    added.add_argument(
        "--rows",
        type=up_to(ROWS),
        default=16,
        help="rows of the design, 6 fits each, 7 of an augmented trial (default: 16)",
    )
    added.add_argument("--dry-run", action="store_true", help="print the cost; start nothing")
    workers_option(added)
    wait_option(added)
    trust_option(added)
    tracking_option(added)
    json_option(added)


def variance(options: Arguments) -> int:
    """Say how much of a score's variance comes from each seed, and from the hyperparameters."""
    from sweeps.analysis.context import AnalysisContext, cost_of
    from sweeps.analysis.variance_components import GIVEN_FOLDS, lines, names_of, row_of, to_json
    from sweeps.analysis.variance_experiment import variance_fits
    from sweeps.api import record

    if options.dry_run:
        where = AnalysisContext(home=Home.chosen(options.home), workers=options.workers)
        swept, _, wanted = variance_fits(where, options.sweep, options.architecture, options.rows)
        cost = cost_of(where, [wanted])
        if options.json:
            print_json(
                {"sweep": options.sweep, "trial": wanted.trial.name, "rows": options.rows, **asdict(cost)}
            )
            return 0
        rows = counted(options.rows, "row")
        put(
            f"{wanted.trial.name}: {rows} of {row_of(wanted.trial)} fits: two with everything varied, one "
            f"each for {', '.join(names_of(wanted.trial, swept))}",
            *([GIVEN_FOLDS] if swept.dataset.folds is not None else []),
            str(cost),
        )
        return 0
    found = record.variance(
        options.sweep,
        options.home,
        architecture=options.architecture,
        rows=options.rows,
        workers=options.workers,
        tracking_uri=options.tracking_uri,
        console=err,
        wait=options.wait,
        trust_code=options.trust_code,
    )
    if options.json:
        print_json(to_json(found))
    else:
        put(*lines(found))
    return 0
