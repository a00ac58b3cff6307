"""A comparison as one self-contained HTML page: figures, with all their numbers in tables."""

from collections.abc import Sequence

from sweeps.analysis import html
from sweeps.analysis.folds import figures as pictures
from sweeps.analysis.folds import wording as words
from sweeps.analysis.folds.comparison import Comparison
from sweeps.analysis.words import points, share_text
from trainer.escaping import for_html


def page(comparison: Comparison, doubts: Sequence[str] = ()) -> str:
    """Return the page, which loads no other file.

    Args:
        comparison: the comparison.
        doubts: its doubts, for a page that is not recorded.
    """
    title = f"{comparison.sweep}: which architecture is better?"
    parts = [
        f"<h1>{for_html(title)}</h1>",
        f"<p>{words.images_in_words(comparison)} of {for_html(comparison.dataset)}, "
        f"{comparison.folds} folds, {comparison.asked.repeats} fresh repeats.</p>",
        *(f'<p class="answer">{for_html(line)}</p>' for line in words.headline(comparison)),
        *(
            f"<p>{for_html(name)} is left out: {for_html(why)}</p>"
            for name, why in comparison.left_out.items()
        ),
        *(f"<p>{for_html(line)}</p>" for line in doubts),
        f"<p>{for_html(words.claim(comparison.asked))}</p>",
        "<h2>Scores after confirmation</h2>",
        html.picture(pictures.intervals(comparison), "confirmed scores with their intervals"),
        _contenders(comparison),
        "<p>Luck is the part of the search's best score that comes from choosing the best of several trials "
        "(bootstrap bias-corrected cross-validation). The confirmed score is the mean "
        f"{for_html(comparison.metric.title)} of the "
        "held-out folds with its (corrected) t-interval. It is free of luck with seeds, but its images are "
        "those on which the winner was chosen: luck with these stays in it.</p>",
        *(_pair_parts(comparison) if comparison.pairs else ()),
        "<h2>Paired scores</h2>",
        html.picture(pictures.paired_scores(comparison), "scores of every paired fit"),
        "<p>Each line is one fold of one repeat: the same images held out, the same seeds.</p>",
        _scores(comparison),
        "<h2>How it was judged</h2>",
        *(f"<p>{for_html(line)}</p>" for line in words.conditions(comparison)),
        f"<p>{for_html(words.NEXT)}</p>",
    ]
    return html.page(title, parts)


def _pair_parts(comparison: Comparison) -> list[str]:
    return [
        "<h2>Pairs</h2>",
        "<p>Ticks are paired differences, dots their means, bars 95 % intervals; in the shaded region a "
        f"difference does not matter ({points(comparison.asked.rope)} points).</p>",
        html.picture(pictures.differences(comparison), "paired differences with their intervals"),
        _pairs(comparison),
        "<h2>Verdicts</h2>",
        html.picture(pictures.matrix(comparison), "matrix of pairs"),
        "<ul>",
        *(f"<li>{for_html(words.verdict(pair, comparison.asked))}</li>" for pair in comparison.pairs),
        "</ul>",
    ]


def _contenders(comparison: Comparison) -> str:
    head = ("trial", "of trials", "best of search", "luck", "without luck (95 %)",
            "confirmed", "95 % interval", "pooled")  # fmt: skip
    rows = [
        (
            contender.name, str(contender.trials),
            f"{contender.search.uncorrected:.4f}", words.luck(contender),
            f"{contender.search.score:.4f} ({contender.search.low:.4f} to {contender.search.high:.4f})",
            f"{contender.confirmed.mean:.4f}",
            f"{contender.confirmed.low:.4f} to {contender.confirmed.high:.4f}", f"{contender.pooled:.4f}",
        )
        for contender in comparison.contenders
    ]  # fmt: skip
    return html.table(head, rows, first_number=1)


def _pairs(comparison: Comparison) -> str:
    head = ("pair", "verdict", "points", "95 % interval", "p", "p (Holm)",
            "worse", "same", "better", "won")  # fmt: skip
    rows = [
        (
            f"{pair.one} - {pair.other}", pair.verdict,
            points(pair.difference.mean, sign=True),
            words.interval(pair.difference),
            words.p_text(pair.difference.p), words.p_text(pair.adjusted_p),
            share_text(pair.chances.worse), share_text(pair.chances.equivalent),
            share_text(pair.chances.better),
            f"{pair.wins.won} of {pair.wins.runs}" + (f", {pair.wins.tied} tied" if pair.wins.tied else ""),
        )
        for pair in comparison.pairs
    ]  # fmt: skip
    return html.table(head, rows, first_number=2)


def _scores(comparison: Comparison) -> str:
    head = ("repeat", "fold", *(contender.architecture for contender in comparison.contenders))
    rows = [
        (
            str(1 + index // comparison.folds),
            str(index % comparison.folds),
            *(f"{score:.4f}" for score in scores),
        )
        for index, scores in enumerate(
            zip(*(contender.scores for contender in comparison.contenders), strict=True)
        )
    ]
    return html.table(head, rows, first_number=0)
