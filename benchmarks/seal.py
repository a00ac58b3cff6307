"""What a sweep's seal costs: ``python -m benchmarks.seal``.

A made-up sweep of one architecture with 3 folds; the tests' closed formula takes the place of training.
Prints CPU milliseconds as Markdown: of a row that is written, and of what a command and ``verify`` do once.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from sweeps.definition.spec import Prune
from sweeps.execution.loop import enter
from tests.closed_formula import plan, prepared, run_of
from tracking.ledger.ledger import Ledger

FOLDS = 3


def measure(trials: int, home: Path) -> dict[str, float]:
    """Record a sweep, write to it again and compare it with its seal; return milliseconds by part."""
    made = prepared(plan(architectures=1, trials=trials, folds=FOLDS, prune=Prune(enabled=False)))
    name, (architecture,) = made.spec.name, made.plan.architectures
    proposals, fits = [], []
    with Ledger.open(home) as ledger:
        ledger._connection.execute("PRAGMA synchronous = OFF")  # waiting for the disk is not measured
        enter(made, ledger)
        for number in range(trials):
            values = {"learning_rate": 1e-3 * (1 + number / trials), "batch_size": 32, "dropout": 0.1}
            specs = made.plan.fit_specs(architecture, number, values)
            proposals.append(_took(ledger.add_proposal, name, "alpha", number, specs, float(number)))
            fits += [_took(ledger.add_run, spec, run_of(spec)) for spec in specs]
        took = {"a trial": median(proposals), "a fit": median(fits), "first seal": _took(ledger.renew_seals)}
    with Ledger.open(home) as ledger:
        card = {"key": "made-up", "folder": "made-up"}
        took["a command's first row"] = _took(ledger.add_export, name, card, 1.0)
        took["renewal"] = _took(ledger.renew_seals)
    with Ledger.read(home) as ledger:
        took["comparison"] = _took(ledger.check_seal, name)
        took["reading the sweep"] = _took(ledger.sweep, name)
    return took


def _took(work: Callable[..., object], *arguments: object) -> float:
    start = time.thread_time()
    work(*arguments)
    return 1e3 * (time.thread_time() - start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5000)
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as folder:
        took = measure(trials, Path(folder))
    print(f"| {' | '.join(['trials', *took])} |")
    print(f"| {' | '.join(['---:'] * (len(took) + 1))} |")
    print(f"| {trials:,} | {' | '.join(f'{each:.2f}' for each in took.values())} |")


if __name__ == "__main__":
    main()
