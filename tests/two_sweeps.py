"""Two sweeps in one ledger, with rows in every table, that share the fits of a trial."""

from dataclasses import replace
from functools import cache

from sweeps.execution.loop import enter
from tests.closed_formula import plan, prepared, run_of
from tracking.ledger.ledger import Ledger
from tracking.records import Purpose, ReportRecord
from trainer.fits.specs import FitSpec

PLAN = plan(trials=9)
NAMES = ("one", "two")


@cache
def specs_of(number: int) -> tuple[FitSpec, ...]:
    """The fits of a trial of ``alpha``: the same in every sweep, so that sweeps share them."""
    values = {"learning_rate": 1e-3 * (number + 1), "batch_size": 32, "dropout": 0.1}
    return tuple(PLAN.fit_specs(PLAN.architectures[0], number, values))


def add_trial(ledger: Ledger, sweep: str, number: int, fits: int = 3, *, at: float = 1000.0) -> None:
    """Propose a trial and record its first fits, at this time."""
    ledger.add_proposal(sweep, "alpha", number, specs_of(number), at + number + 100 * (sweep != NAMES[0]))
    for spec in specs_of(number)[:fits]:
        run = run_of(spec)
        ledger.add_run(spec, replace(run, timing=replace(run.timing, started_at=at)))


def begin(ledger: Ledger, sweep: str) -> None:
    """Enter a sweep, or continue it."""
    enter(prepared(PLAN, sweep), ledger)


def fill(ledger: Ledger) -> None:
    """Record two sweeps that share the fits of one trial, with something in every table."""
    for sweep, numbers in (("one", (0, 1)), ("two", (1, 2))):
        begin(ledger, sweep)
        for number in numbers:
            add_trial(ledger, sweep, number, at=5.0)
        for place in (1.0, 2.0):
            card = {"key": f"{sweep}{place}", "folder": f"/models/{sweep}/{place}"}
            ledger.add_export(sweep, card, place)
        for report in ("comparison", "variance-alpha"):
            ledger.add_report(sweep, report, ReportRecord(content=f'"{sweep} {report}"', page=sweep))
        again = dict(enumerate(specs_of(NAMES.index(sweep) + 5)))
        ledger.add_further_fits(sweep, Purpose.COMPARISON, "alpha", 0, again)
        for spec in again.values():
            ledger.add_run(spec, run_of(spec))
