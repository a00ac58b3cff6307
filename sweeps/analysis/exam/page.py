"""A comparison on an exam as one self-contained HTML page: figures, with all their numbers in tables."""

from collections.abc import Sequence

from sweeps.analysis import html
from sweeps.analysis.exam import figures as pictures
from sweeps.analysis.exam import wording as words
from sweeps.analysis.exam.comparison import ExamComparison
from sweeps.analysis.words import points
from trainer.escaping import for_html
from trainer.quantities import duration


def page(found: ExamComparison, doubts: Sequence[str] = ()) -> str:
    """Return the page, which loads no other file.

    Args:
        found: the comparison.
        doubts: its doubts, for a page that is not recorded.
    """
    weaknesses = [*doubts, *words.remarks(found)]
    title = f"{found.sweep}: which architecture is best?"
    parts = [
        f"<h1>{for_html(title)}</h1>",
        *(f'<p class="answer">{for_html(line)}</p>' for line in words.first_lines(found)),
        "<h2>Scores on the exam</h2>",
        html.picture(pictures.scores(found), "scores on the exam with their intervals"),
        _winners(found),
        *(f"<p>{for_html(line)}</p>" for line in words.legend(found)),
        "<p>from seeds, from images: the part of the uncertainty (the variance) that comes from the refits' "
        "seeds, and from the exam's images.</p>",
        *(["<h2>What weakens this answer</h2>"] if weaknesses else ()),
        *(f"<p>{for_html(line)}</p>" for line in weaknesses),
        *(_pair_parts(found) if found.pairs else ()),
        "<h2>Refits</h2>",
        _refits(found),
        "<h2>What is claimed, and how it was judged</h2>",
        f"<p>{for_html(words.claim(found))}</p>",
        *(f"<p>{for_html(line)}</p>" for line in words.conditions(found)),
    ]
    return html.page(title, parts)


def _winners(found: ExamComparison) -> str:
    head = ("winner", "best?", "exam", "95 % interval", "from seeds", "from images", "search",
            "p(best)", "regret", "at most", "weights", "ms an image", "training")  # fmt: skip
    rows = [
        (
            examinee.name, "yes" if judged.in_best else "no",
            f"{judged.score:.4f}", f"{judged.low:.4f} to {judged.high:.4f}",
            *_parts(judged.var_seed, judged.var_images), f"{examinee.search:.4f}",
            words.p_text(judged), points(judged.regret), points(judged.regret_high),
            "?" if examinee.weights is None else f"{examinee.weights:,}",
            "?" if examinee.ms_an_image is None else f"{examinee.ms_an_image:.2g}",
            duration(examinee.seconds),
        )
        for examinee, judged in zip(found.examinees, found.judged, strict=True)
    ]  # fmt: skip
    return html.table(head, rows, first_number=2)


def _parts(seeds: float, images: float) -> tuple[str, str]:
    if seeds + images == 0:
        return "no spread", "no spread"
    return f"{100 * seeds / (seeds + images):.0f} %", f"{100 * images / (seeds + images):.0f} %"


def _pair_parts(found: ExamComparison) -> list[str]:
    head = ("pair", "verdict", "points", "95 % interval", "from seeds", "from images")
    rows = [
        (
            f"{pair.one} - {pair.other}", pair.verdict, points(pair.difference, sign=True),
            f"{points(pair.low, sign=True)} to {points(pair.high, sign=True)}",
            *_parts(pair.var_seed, pair.var_images),
        )
        for pair in found.pairs
    ]  # fmt: skip
    return [
        "<h2>Pairs</h2>",
        "<p>Dots are differences of two winners' scores, bars their 95 % intervals, which hold together; in "
        f"the shaded region a difference does not matter ({points(found.asked.rope)} points).</p>",
        html.picture(pictures.differences(found), "differences of pairs with their intervals"),
        html.table(head, rows, first_number=2),
        "<ul>",
        *(f"<li>{for_html(words.verdict(pair, found.asked.rope))}</li>" for pair in found.pairs),
        "</ul>",
    ]


def _refits(found: ExamComparison) -> str:
    most = max(len(examinee.scores) for examinee in found.examinees)
    head = ("winner", "failed", *(f"score {number}" for number in range(1, most + 1)))
    rows = [
        (
            examinee.name,
            str(len(examinee.failed)),
            *(f"{score:.4f}" for score in examinee.scores),
            *("" for _ in range(most - len(examinee.scores))),
        )
        for examinee in found.examinees
    ]
    return html.table(head, rows, first_number=1)
