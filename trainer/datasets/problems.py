"""All that is wrong with a source, in one message: nobody repairs a folder one dry run at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from trainer.errors import UsageError
from trainer.quantities import counted

#: Problems that a message names; the others are counted.
NAMED = 4


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a source.

    Attributes:
        where: a file or row, as the source names it.
        what: what is wrong with it.
        remedy: what to do, if that is not clear from what is wrong.
        skippable: whether ``unreadable = "leave-out"`` may leave it out.
        sizes: if images have several sizes, each as (height, width, number of images).
        mixed_colours: whether it is that some images are grey and some colour.
    """

    where: str
    what: str
    remedy: str = ""
    skippable: bool = True
    sizes: tuple[tuple[int, int, int], ...] = ()
    mixed_colours: bool = False

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.fact}; {self.remedy}" if self.remedy else self.fact

    @property
    def fact(self) -> str:
        """What is wrong, without what to do."""
        return f"{self.where!r}: {self.what}"


class SourceProblems(UsageError):
    """A source that cannot be used as it is.

    Attributes:
        problems: all that is wrong with it, a line each.
        facts: the same without what to do.
        skippable: whether all of it may be left out.
        skippable_lines: what may be left out, a line each.
        sizes: if images have several sizes, each as (height, width, number of images).
        mixed_colours: whether some images are grey and some colour.
    """

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(map(str, problems))
        self.facts = tuple(problem.fact for problem in problems)
        self.skippable = all(problem.skippable for problem in problems)
        self.skippable_lines = tuple(str(problem) for problem in problems if problem.skippable)
        self.sizes = next((problem.sizes for problem in problems if problem.sizes), ())
        self.mixed_colours = any(problem.mixed_colours for problem in problems)
        said = "; ".join(self.problems[:NAMED])
        more = len(problems) - NAMED
        if more > 0:
            said += f"; and {counted(more, 'more problem')} ('refold inspect' lists all)"
        if len(problems) > 1 and self.skippable:
            said += "; or set unreadable = 'leave-out' to train without these files"
        elif self.skippable:
            said += ", take it out, or set unreadable = 'leave-out'"
        super().__init__(f"dataset {source!r}: {said}")


def checked(source: str, problems: Sequence[Problem], *, leave_out: bool) -> tuple[str, ...]:
    """Return a note on what is left out, if anything is.

    Args:
        source: what the message calls the source.
        problems: all that is wrong.
        leave_out: whether the user allows that files are left out.

    Raises:
        SourceProblems: if something is wrong that is not left out.
    """
    serious = [problem for problem in problems if not (leave_out and problem.skippable)]
    if serious:
        raise SourceProblems(source, serious)
    if not problems:
        return ()
    few = "; ".join(str(problem) for problem in problems[:NAMED])
    more = "; …" if len(problems) > NAMED else ""
    they = "it" if len(problems) == 1 else "they"
    return (f"{counted(len(problems), 'file')} left out because {they} cannot be read: {few}{more}",)
