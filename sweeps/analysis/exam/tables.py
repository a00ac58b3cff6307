"""The tables of a comparison on an exam, on a terminal."""

from sweeps.analysis.exam import wording as words
from sweeps.analysis.exam.comparison import ExamComparison, Examinee
from sweeps.analysis.statistics.exam import Judged
from sweeps.analysis.words import points
from tracking.reports.text_table import Column, Table
from trainer.quantities import duration


def winners_table(found: ExamComparison) -> Table:
    """Return a row for each winner: scores, what choosing it costs, what using it costs."""
    columns = (
        Column(title="", right=True),
        Column(title="trial"),
        Column(title="exam", right=True),
        Column(title="95 % interval"),
        Column(title="search", right=True, rank=2),
        Column(title="best?"),
        Column(title="p(best)", right=True, rank=3),
        Column(title="regret (at most)", right=True),
        Column(title="weights", right=True, rank=1),
        Column(title="ms an image", right=True, rank=4),
        Column(title="training", right=True, rank=5),
    )
    both = zip(found.examinees, found.judged, strict=True)
    rows = [_row(place, examinee, judged) for place, (examinee, judged) in enumerate(both, start=1)]
    return Table(columns=columns, rows=rows)


def _row(place: int, examinee: Examinee, judged: Judged) -> list[str]:
    return [
        str(place),
        examinee.name,
        f"{judged.score:.4f}",
        f"{judged.low:.4f} to {judged.high:.4f}",
        f"{examinee.search:.4f}",
        "yes" if judged.in_best else "no",
        words.p_text(judged),
        f"{points(judged.regret)} ({points(judged.regret_high)})",
        "?" if examinee.weights is None else f"{examinee.weights:,}",
        "?" if examinee.ms_an_image is None else f"{examinee.ms_an_image:.2g}",
        duration(examinee.seconds),
    ]


def pairs_table(found: ExamComparison) -> Table:
    """Return a row for each pair: the difference in points with its interval, its sources, the verdict."""
    columns = (
        Column(title="pair"),
        Column(title="points (95 % interval)"),
        Column(title="of it images", right=True, rank=1),
        Column(title="verdict"),
    )
    rows = [
        [
            f"{pair.one} - {pair.other}",
            f"{points(pair.difference, sign=True)} "
            f"({points(pair.low, sign=True)} to {points(pair.high, sign=True)})",
            _share(pair.var_images, pair.var_seed),
            pair.verdict,
        ]
        for pair in found.pairs
    ]
    return Table(columns=columns, rows=rows)


def _share(images: float, seeds: float) -> str:
    return f"{100 * images / (images + seeds):.0f} %" if images + seeds > 0 else "no spread"


PAIRS_LEGEND = (
    "points: hundredths of the score, the first one minus the second. of it images: the part of the "
    "difference's variance that comes from the exam's images; the rest are seeds."
)
