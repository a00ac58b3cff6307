"""Which classes are taken for which others, the most frequent mistakes first, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from tracking.reports.short_names import shortened
from tracking.reports.text_table import cell_length
from trainer.metrics.confusion import Confusion
from trainer.quantities import counted

#: Kinds of mistakes that are listed.
MOST = 10

#: The least cells that a name has in a line that is too long.
_LEAST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Confused:
    """Images of one class that were taken for another.

    Attributes:
        true: name of their class.
        predicted: name of the class that they were taken for.
        images: how many, at least 1.
        of: number of all images of the true class.
    """

    true: str
    predicted: str
    images: int
    of: int

    @property
    def share(self) -> float:
        """The share of the true class, in (0, 1]."""
        return self.images / self.of

    def to_json(self) -> dict[str, str | int | float]:
        """Return the four facts and the share."""
        return {
            "true": self.true,
            "predicted": self.predicted,
            "images": self.images,
            "of": self.of,
            "share": self.share,
        }


def confused(classes: Sequence[str], confusion: Confusion) -> tuple[Confused, ...]:
    """Return each kind of mistake that was made, the most frequent first; ties in the order of the classes.

    Args:
        classes: names of the classes in label order.
        confusion: counts, rows true classes, columns predicted ones.
    """
    found = [
        Confused(true=classes[true], predicted=classes[predicted], images=count, of=sum(row))
        for true, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if count and true != predicted
    ]
    return tuple(sorted(found, key=lambda each: -each.images))


def confused_lines(found: Sequence[Confused], width: int | None = None) -> list[str]:
    """Return a heading, at most ten kinds of mistakes, and a line that says how many are not shown.

    Args:
        found: as ``confused`` returns them.
        width: available width in cells of a terminal, to which long names are shortened; None for no limit.
    """
    if not found:
        return ["no mistake: every image was taken for what it is"]
    shown, rest = found[:MOST], found[MOST:]
    lines = [f"classes most often mistaken for others ({_mistakes(found)} in all):"]
    lines += [f"  {_in_words(each, width)}" for each in shown]
    if rest:
        lines.append(f"  not shown: {_mistakes(rest)} in {counted(len(rest), 'other pair')} of classes")
    return lines


def _mistakes(found: Sequence[Confused]) -> str:
    count = sum(each.images for each in found)
    return f"{count:,} {'mistake' if count == 1 else 'mistakes'}"


def _in_words(each: Confused, width: int | None) -> str:
    numbers = f"{each.images:,} of {each.of:,} ({100 * each.share:.1f} %)"
    true, predicted = each.true, each.predicted
    if width is not None:
        room = (width - cell_length(f"   taken for : {numbers}")) // 2
        true, predicted = shortened([true, predicted], max(_LEAST, room))
    return f"{true} taken for {predicted}: {numbers}"
