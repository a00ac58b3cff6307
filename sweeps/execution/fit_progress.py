"""What a person sees while fits beside the search train: a bar on a terminal, a line a fit elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sweeps.execution.progress import outcome
from trainer.fits.results import FitRun
from trainer.fits.specs import FitSpec


@contextmanager
def shown(console: Console, total: int) -> Iterator[Callable[[FitSpec, FitRun], None]]:
    """Give what is to be told of each of ``total`` fits as it ends."""
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("training", total=total)
            yield lambda spec, _run: bar.update(task, advance=1, description=_name(spec))
        return
    done = 0

    def line(spec: FitSpec, run: FitRun) -> None:
        nonlocal done
        done += 1
        text = f"{done:>{len(str(total))}}/{total}  {_name(spec)}: {outcome(run)}"
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    yield line


def _name(spec: FitSpec) -> str:
    return f"{spec.architecture} repeat {spec.repeat} fold {spec.fold}"
