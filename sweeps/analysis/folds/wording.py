"""A comparison in plain words, and as JSON data."""

from typing import Any

from sweeps.analysis.folds.comparison import Comparison, ComparisonSettings, Contender, Pair
from sweeps.analysis.statistics.paired_t import Estimate
from sweeps.analysis.statistics.verdicts import ALPHA
from sweeps.analysis.words import listed, points, share_text
from trainer.metrics.metric import MACRO_F1
from trainer.quantities import counted


def interval(found: Estimate) -> str:
    """Return an interval of differences in points."""
    return f"{points(found.low, sign=True)} to {points(found.high, sign=True)}"


def luck(contender: Contender) -> str:
    """Return the luck in a winner's score of the search; the bootstrap's noise may make it negative."""
    return f"{round(contender.search.luck, 4) + 0.0:.4f}"


def p_text(p: float | None) -> str:
    """Return a p-value as text, never as 0."""
    if p is None:
        return "none"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def headline(comparison: Comparison) -> list[str]:
    """Return the result in short: the highest score against the others, and how many pairs are undecided."""
    if len(comparison.contenders) < 2:
        return ["Fewer than two architectures could be confirmed: there is nothing to compare."]
    first = comparison.contenders[0].architecture
    against: dict[str, list[str]] = {"better": [], "equivalent": [], "undecided": []}
    for pair in comparison.pairs:
        if pair.one == first and pair.verdict in against:
            against[pair.verdict].append(pair.other)
    parts = []
    if against["better"]:
        parts.append(f"better than {listed(against['better'])}")
    if against["equivalent"]:
        parts.append(f"equivalent to {listed(against['equivalent'])}")
    if against["undecided"]:
        parts.append(f"undecided against {listed(against['undecided'])}")
    undecided = sum(pair.verdict == "undecided" for pair in comparison.pairs)
    count = len(comparison.pairs)
    return [
        f"{first} has the highest confirmed score: {'; '.join(parts)}.",
        f"Of {counted(count, 'pair')} {count - undecided} "
        f"{'are' if count - undecided != 1 else 'is'} decided, {undecided} undecided.",
    ]


#: The meaning of the columns in the table of winners.
LUCK = (
    "luck: how much of the search's best score comes from being the best of several trials. confirmed: the "
    "mean on fresh repeats. Their seeds and splits are new, but their images are those on which the winner "
    "was chosen: luck with these images stays in it."
)


def legend(comparison: Comparison) -> list[str]:
    """Return the meaning of columns in the table of pairs, one line each."""
    rope = points(comparison.asked.rope)
    return [
        f"points: hundredths of {comparison.metric.title}, the first architecture minus the second. p "
        "(Holm): corrected for the number of pairs. won: paired fits that the first one won.",
        f"worse/same/better: the probability that the first one is more than {rope} points worse, within "
        f"{rope} points, or more than {rope} points better.",
    ]


def claim(asked: ComparisonSettings) -> str:
    """Return the claim of the answer, and what it assumes, in two sentences or three."""
    if asked.claim == "new-data":
        return (
            "The claim: how the architectures would compare on another training set of this size from the "
            "same source. It assumes that the scores of two folds, whose training sets overlap, are "
            "correlated by the share that is held out (Nadeau & Bengio 2003); data on which this is not so "
            "make the intervals too wide or too narrow. For a claim about these images alone: --claim "
            "this-data."
        )
    return (
        "The claim: how the architectures compare on exactly these images, over new splits and seeds. It "
        "assumes that repeats are independent of each other, and says nothing about other images, even from "
        "the same source."
    )


#: What to do for a surer answer.
NEXT = (
    "For an answer on images that no winner was chosen on, compare on an exam ('refold compare' without --on "
    "folds); a sweep that has none is run again under another name, with exam = 0.2 under [dataset]."
)


def conditions(comparison: Comparison) -> list[str]:
    """Return the conditions of the answer."""
    asked, rope = comparison.asked, points(comparison.asked.rope)
    return [
        f"Each winner was trained on {asked.repeats} fresh repeats of the {comparison.folds}-fold "
        "cross-validation; splits, stop sets, initialisation, order and dropout seeds are the same for all.",
        *_of_given_folds(comparison),
        *_of_groups(comparison),
        f"Better: Holm's p is at most {ALPHA} and the difference exceeds {rope} points with a probability of "
        f"at least 0.95. Equivalent: it lies within {rope} points with that probability.",
        "One search of equal length chose each winner; another search might choose another one.",
    ]


def _of_given_folds(comparison: Comparison) -> list[str]:
    if not comparison.given_folds:
        return []
    kept = "The folds came with the data: all repeats keep them, and draw everything else anew."
    if comparison.asked.claim == "this-data":
        return [kept]
    return [
        f"{kept} So for the tests a fold's mean over the repeats is one observation: there are "
        f"{comparison.folds}, and more repeats add none."
    ]


def _of_groups(comparison: Comparison) -> list[str]:
    if comparison.groups is None:
        return []
    return [
        "No group is divided by a split, so each held-out fold has groups that its network has not seen. The "
        "correction for luck draws whole groups; the tests count folds and repeats, never images."
    ]


def images_in_words(comparison: Comparison) -> str:
    """Return the number of images, and of their groups if they have any."""
    images = counted(comparison.samples, "image")
    return images if comparison.groups is None else f"{images} of {counted(comparison.groups, 'group')}"


def verdict(pair: Pair, asked: ComparisonSettings) -> str:
    """Return the verdict on a pair in a sentence."""
    one, other, found = pair.one, pair.other, pair.difference
    if pair.verdict == "better":
        return (
            f"{one} is better than {other} by {points(found.mean)} points "
            f"(95 % interval {points(found.low)} to {points(found.high)})."
        )
    if pair.verdict == "worse":  # does not happen while ``one`` has the higher mean
        return f"{one} is worse than {other} by {points(-found.mean)} points."
    if pair.verdict == "equivalent":
        return (
            f"{one} and {other} are equivalent: their difference lies within {points(asked.rope)} points "
            f"with a probability of {share_text(pair.chances.equivalent)}."
        )
    return f"{one} and {other} are undecided: {_why(pair, asked)}"


def _why(pair: Pair, asked: ComparisonSettings) -> str:
    found = pair.difference
    if not found.deviation:
        return (
            f"all {len(pair.differences)} paired scores differ by exactly {points(found.mean)} points, so "
            "there is no spread to judge by; more images, or harder ones, might show one."
        )
    if pair.adjusted_p is not None and pair.adjusted_p <= ALPHA:
        return (
            f"there is a difference (p {p_text(pair.adjusted_p)}), but whether it exceeds "
            f"{points(asked.rope)} points is open (probability {share_text(pair.chances.better)})."
        )
    return (
        f"the difference of {points(found.mean)} points may be anything from {points(found.low)} to "
        f"{points(found.high)}."
    )


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as JSON data; docs/statistics.md describes it."""
    asked = comparison.asked
    return {
        "sweep": comparison.sweep,
        "on": "folds",
        "dataset": {"name": comparison.dataset, "samples": comparison.samples}
        | ({} if comparison.groups is None else {"groups": comparison.groups}),
        "folds": comparison.folds,
        **({"given_folds": True} if comparison.given_folds else {}),
        "repeats": asked.repeats,
        **({} if comparison.metric == MACRO_F1 else {"metric": comparison.metric.name}),
        "rope": asked.rope,
        "claim": asked.claim,
        "claim_in_words": claim(asked),
        "conclusion": " ".join(headline(comparison)),
        "alpha": ALPHA,
        "architectures": [_contender_json(contender) for contender in comparison.contenders],
        "pairs": [_pair_json(pair, asked) for pair in comparison.pairs],
        "left_out": dict(comparison.left_out),
    }


def _contender_json(contender: Contender) -> dict[str, Any]:
    search, confirmed = contender.search, contender.confirmed
    return {
        "architecture": contender.architecture,
        "trial": contender.trial,
        "trials": contender.trials,
        "search_f1": search.uncorrected,
        "search_f1_corrected": search.score,
        "search_f1_corrected_low": search.low,
        "search_f1_corrected_high": search.high,
        "search_luck": search.luck,
        "confirmed_f1": confirmed.mean,
        "confirmed_f1_low": confirmed.low,
        "confirmed_f1_high": confirmed.high,
        "confirmed_f1_std": confirmed.deviation,
        "confirmed_f1_pooled": contender.pooled,
        "scores": list(contender.scores),
    }


def _pair_json(pair: Pair, asked: ComparisonSettings) -> dict[str, Any]:
    found = pair.difference
    return {
        "one": pair.one,
        "other": pair.other,
        "difference": found.mean,
        "difference_low": found.low,
        "difference_high": found.high,
        "difference_std": found.deviation,
        "t": found.t,
        "degrees_of_freedom": found.freedom,
        "p": found.p,
        "p_holm": pair.adjusted_p,
        "probability_worse": pair.chances.worse,
        "probability_equivalent": pair.chances.equivalent,
        "probability_better": pair.chances.better,
        "won": pair.wins.won,
        "tied": pair.wins.tied,
        "runs": pair.wins.runs,
        "share_won": pair.wins.share,
        "verdict": pair.verdict,
        "verdict_in_words": verdict(pair, asked),
        "differences": list(pair.differences),
    }
