"""Progress of fits that are not part of a search: a bar on a terminal, lines elsewhere."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sweeps.execution.notebook import Line, notebook_display
from sweeps.execution.progress import outcome
from trainer.escaping import for_terminal
from trainer.fits.results import FitRun
from trainer.fits.specs import FitSpec
from trainer.quantities import duration


@contextmanager
def shown(console: Console, names: Mapping[str, str]) -> Iterator[Callable[[FitSpec, FitRun], None]]:
    """Yield a function that is to be called with each fit as it ends.

    Args:
        console: where to show the progress.
        names: the fits' names for users, by key.
    """
    total = len(names)
    if console.is_terminal:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("training", total=total)
            yield lambda spec, _run: bar.update(task, advance=1, description=for_terminal(names[spec.key]))
        return
    done, begun = 0, time.monotonic()
    display = notebook_display()
    changing = Line(display) if display is not None else None

    def line(spec: FitSpec, run: FitRun) -> None:
        nonlocal done
        done += 1
        left = (time.monotonic() - begun) / done * (total - done)
        more = f", {duration(left)} left" if done < total else ""
        how = outcome(run, spec.metric)
        text = for_terminal(f"{done:>{len(str(total))}}/{total}  {names[spec.key]}: {how}{more}")
        if changing is None:
            console.print(text, highlight=False, markup=False, emoji=False, soft_wrap=True)
        else:
            changing.show(text, last=done == total)

    yield line
