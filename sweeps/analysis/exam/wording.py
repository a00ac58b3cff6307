"""A comparison on an exam in plain words, and as JSON data."""

from datetime import datetime
from typing import Any

from sweeps.analysis.exam.comparison import USUAL_REFITS, ExamComparison, Examinee
from sweeps.analysis.statistics.exam import Judged, JudgedPair
from sweeps.analysis.words import SHARED, listed, points, share_text
from tracking.records import Opening
from trainer.escaping import for_shell
from trainer.metrics.metric import MACRO_F1
from trainer.quantities import counted, duration

#: Shares of a variance in words, by their upper ends.
_SHARES = (
    (0.05, "almost nothing"), (0.15, "a tenth"), (0.25, "a fifth"), (0.35, "a third"), (0.45, "two fifths"),
    (0.55, "half"), (0.65, "three fifths"), (0.72, "two thirds"), (0.85, "four fifths"),
    (0.95, "nine tenths"),
)  # fmt: skip


def share_in_words(share: float) -> str:
    """Return a share as a fraction.

    >>> share_in_words(0.9), share_in_words(0.5), share_in_words(0.99), share_in_words(0.01)
    ('nine tenths', 'half', 'nearly all', 'almost nothing')
    """
    return next((words for end, words in _SHARES if share < end), "nearly all")


def score_text(judged: Judged) -> str:
    """Return a score with its interval."""
    return f"{judged.score:.4f} (95 % interval {judged.low:.4f} to {judged.high:.4f})"


def first_lines(found: ExamComparison) -> list[str]:
    """Return the answer in three lines: which one, how sure that is, and what to do next."""
    return [which(found), how_sure(found), what_next(found)]


def which(found: ExamComparison) -> str:
    """Return which architecture is best, or that it is undecided and what choosing one costs at most."""
    best, first = found.best, found.examinees[0]
    if len(found.examinees) == 1:
        return f"{first.name} scores {score_text(found.judged[0])} on new images like the exam's."
    if len(best) == 1:
        (behind, pair) = _closest(found)
        return (
            f"{first.name} is the best of the {len(found.examinees)} winners. The next one, {behind.name}, "
            f"is {points(pair.difference)} points behind (95 % interval {points(pair.low)} to "
            f"{points(pair.high)})."
        )
    names = listed([examinee.name for examinee in best])
    costs = max(judged.regret_high for judged in found.judged if judged.in_best)
    if found.judgement.use_any:
        return (
            f"Use any of {names}: choosing one of them costs at most {points(costs)} points, which is within "
            f"the {points(found.asked.rope)} points that do not matter. {_cheapest(found)}"
        )
    cost = points(found.judged[0].regret_high)
    if found.judged[0].regret_high <= found.asked.rope:
        return (
            f"It is undecided which of {names} is best, but choosing {first.name} costs at most {cost} "
            f"points, which is within the {points(found.asked.rope)} points that do not matter. "
            f"{_cheapest(found)}"
        )
    return (
        f"Undecided between {names}: choosing {first.name}, which has the highest score, costs at most "
        f"{cost} points. {_cheapest(found)}"
    )


def _cheapest(found: ExamComparison) -> str:
    cheapest = found.cheapest
    place = found.examinees.index(cheapest)
    said = f"The cheapest of them is {cheapest.name}: {cost_in_words(cheapest)}"
    if found.judgement.use_any or place == 0:
        return f"{said}."
    return f"{said}; choosing it costs at most {points(found.judged[place].regret_high)} points."


def cost_in_words(examinee: Examinee) -> str:
    """Return weights, time for an image and training time."""
    weights = [] if examinee.weights is None else [f"{examinee.weights:,} weights"]
    image = [] if examinee.ms_an_image is None else [f"{examinee.ms_an_image:.2g} ms an image"]
    return ", ".join([*weights, *image, f"{duration(examinee.seconds)} of training"])


def _closest(found: ExamComparison) -> tuple[Examinee, JudgedPair]:
    """Return the one right behind the first, and the pair of the two."""
    return found.examinees[1], found.pairs[0]


def how_sure(found: ExamComparison) -> str:
    """Return how sure the answer is, and which part of the doubt are the exam's images."""
    if len(found.examinees) == 1:
        judged = found.judged[0]
        share, what = _share(judged.var_images, judged.var_seed), "about this score"
        sure = "95 % of such intervals hold the true score."
    else:
        pair = found.pairs[0]
        share, what = _share(pair.var_images, pair.var_seed), "between the first two"
        sure = (
            "This set of the best holds the best one with 95 % confidence."
            if len(found.best) > 1
            else "With 95 % confidence none of the others is better."
        )
    if share is None:
        return f"{sure} Neither images nor seeds showed any spread; more of them might."
    return f"{_rough(found)}{sure} {_parts(share, what, images_in_words(found))}"


def _rough(found: ExamComparison) -> str:
    refits = found.asked.refits
    return f"Rough, from {refits} refits: " if refits < USUAL_REFITS else ""


def _share(images: float, seeds: float) -> float | None:
    return images / (images + seeds) if images + seeds > 0 else None


def _parts(share: float, what: str, images: str) -> str:
    if share >= 0.5:
        larger, source, more = share, f"the {images}", "more refits cannot shrink that part"
    else:
        larger, source, more = 1 - share, "the refits' seeds", "more refits shrink that part"
    words = share_in_words(larger)
    verb = "comes" if words in ("nearly all", "half") else "come"
    return f"{words.capitalize()} of the uncertainty {what} (its variance) {verb} from {source}: {more}."


def what_next(found: ExamComparison) -> str:
    """Return what to do next."""
    name, first = for_shell(found.sweep), found.examinees[0]
    if len(found.best) == 1 or found.judged[0].regret_high <= found.asked.rope:
        chosen = found.cheapest if found.judgement.use_any else first
        return f"Next: 'refold export {name} --trial {chosen.name}' gives its model."
    inside = {examinee.architecture for examinee in found.best}
    open_pairs = [p for p in found.pairs if {p.one, p.other} <= inside and p.verdict == "undecided"]
    if any(pair.refits_might_decide for pair in open_pairs):
        return (
            f"Next: 'refold plan {name}' says how many refits would decide it with these images, and "
            f"'refold compare {name} --refits N' trains those that are missing."
        )
    return (
        f"Next: choose one at that price, or judge on more exam images; with these {images_in_words(found)} "
        "no number of refits would decide it if the differences stay as they are."
    )


def images_in_words(found: ExamComparison) -> str:
    """Return the number of the exam's images, and of their groups if they have any."""
    images = counted(found.exam.samples, "exam image")
    return images if found.exam.groups is None else f"{images} of {counted(found.exam.groups, 'group')}"


def claim(found: ExamComparison) -> str:
    """Return the claim of the answer, and what it leaves out."""
    first = found.examinees[0]
    return (
        f"The claim: on new images like the exam's, the winner of {first.architecture} (trial "
        f"{first.trial}), trained on these {counted(found.samples, 'image')} with any seed, scores "
        f"{score_text(found.judged[0])}; and so for the others. Another training set or another search may "
        "rank otherwise."
    )


def conditions(found: ExamComparison) -> list[str]:
    """Return the conditions of the answer."""
    more = 100 / (found.folds - 1)
    units = "images" if found.exam.groups is None else "groups of images"
    return [
        f"Each winner was trained {counted(found.asked.refits, 'time')} on all images of the search, with "
        f"other seeds each time, and scored on {found.exam.origin} ({images_in_words(found)}), which no fit "
        "of the search saw.",
        f"search: the score with which it won. The gap to the exam's score is luck, plus {more:.0f} % more "
        f"training images{' and no stop set' if found.stop_sets else ''}.",
        f"Seeds and {units} are two crossed sources of chance; all intervals count both. Those of all pairs "
        f"hold together with {100 * found.level:.0f} % confidence. Better: the whole interval of the "
        f"difference lies above {points(found.asked.rope)} points; equivalent: it lies within them.",
        *([_groups] if (_groups := _of_groups(found)) else []),
    ]


def _of_groups(found: ExamComparison) -> str:
    return "" if found.exam.groups is None else "A group counts once, however many images it has."


#: The meaning of the columns in the table of winners.
_COLUMNS = (
    "best?: whether it is in the set that holds the best one with 95 % confidence. p(best): the probability "
    "of being the best, if nothing was known before; about even among equals, so it decides nothing. regret: "
    "the points that choosing it costs on average, and at most.",
    "weights, ms an image and training: what one refit needed, on this machine.",
)


def legend(found: ExamComparison) -> tuple[str, ...]:
    """Return what the columns of the winners' table mean, a line each."""
    if found.metric == MACRO_F1:
        return _COLUMNS
    return f"exam, search: {found.metric.title}; points are hundredths of it.", *_COLUMNS


def remarks(found: ExamComparison) -> list[str]:
    """Return what weakens the answer, one sentence or two each."""
    return [
        *(f"{name} is left out: {reason}." for name, reason in found.left_out.items()),
        *(_failures(examinee) for examinee in found.examinees if examinee.failed),
        *(_shared(examinee) for examinee in found.examinees if examinee.shares_weights),
        *_changed_region(found),
        *_openings(found.opened_before),
        *_looks(found),
        *found.warnings,
    ]


def _failures(examinee: Examinee) -> str:
    count = len(examinee.failed) + len(examinee.scores)
    return (
        f"{len(examinee.failed)} of the {count} refits of {examinee.name} failed ({examinee.failed[0]}). Its "
        "score is the mean of the others: a training that you start fails as often."
    )


def _shared(examinee: Examinee) -> str:
    return f"All refits of {examinee.name} {SHARED}"


def _changed_region(found: ExamComparison) -> list[str]:
    asked = found.asked
    if asked.rope == found.fixed:
        return []
    return [
        f"The differences that do not matter were fixed as {points(found.fixed)} points when the sweep "
        f"began, and {points(asked.rope)} points were asked for here: a region that is chosen after scores "
        "were seen weakens what is said with it."
    ]


def _openings(openings: tuple[Opening, ...]) -> list[str]:
    if not openings:
        return []
    said = listed([opening_in_words(opening) for opening in openings[:3]])
    more = f" and {len(openings) - 3} more times" if len(openings) > 3 else ""
    return [
        f"This exam was opened before: {said}{more}. The levels assume that this choice of models did not "
        "depend on what was seen then."
    ]


def opening_in_words(opening: Opening) -> str:
    """Return by whom an exam was opened, for what and when."""
    day = datetime.fromtimestamp(opening.at).isoformat(" ", "minutes")
    return f"by {opening.purpose} of a model of {opening.sweep or 'elsewhere'} ({day})"


def _looks(found: ExamComparison) -> list[str]:
    if not found.asked.looks:
        return []
    counts = listed([str(look) for look in found.asked.looks])
    return [
        f"The answer was looked at before with {counts} refits. If the number of refits was raised because "
        "of that answer, some statement is wrong a little more often than the level says."
    ]


def verdict(pair: JudgedPair, rope: float) -> str:
    """Return the verdict on a pair in a sentence; of an undecided one the condition that failed."""
    between = f"95 % interval {points(pair.low, sign=True)} to {points(pair.high, sign=True)}"
    if pair.verdict == "better":
        return f"{pair.one} is better than {pair.other} by {points(pair.difference)} points ({between})."
    if pair.verdict == "equivalent":
        return (
            f"{pair.one} and {pair.other} are equivalent: their difference lies within {points(rope)} points "
            f"({between})."
        )
    failed = (
        f"not better, because the interval begins at {points(pair.low, sign=True)}, not above "
        f"{points(rope, sign=True)}; not equivalent, because it ends at {points(pair.high, sign=True)}"
    )
    return f"{pair.one} and {pair.other} are undecided: {failed}."


def to_json(found: ExamComparison) -> dict[str, Any]:
    """Return the comparison as JSON data; docs/statistics.md describes it."""
    asked, (answer, sure, following) = found.asked, first_lines(found)
    exam = {"fingerprint": found.exam.fingerprint, "origin": found.exam.origin, "images": found.exam.samples}
    return {
        "sweep": found.sweep,
        "on": "exam",
        "dataset": {"name": found.dataset, "samples": found.samples},
        "exam": exam if found.exam.groups is None else exam | {"groups": found.exam.groups},
        "images": found.exam.samples,
        "refits": asked.refits,
        "asked_for": None if asked.architectures is None else list(asked.architectures),
        **({} if found.metric == MACRO_F1 else {"metric": found.metric.name}),
        "rope": asked.rope,
        "rope_fixed": found.fixed,
        "level": found.level,
        "best": [examinee.architecture for examinee in found.best],
        "use_any": found.judgement.use_any,
        "cheapest": found.cheapest.architecture,
        "verdict": answer,
        "how_sure": sure,
        "next": following,
        "claim": claim(found),
        "openings": [
            {"sweep": each.sweep, "purpose": each.purpose, "model": each.model, "at": each.at}
            for each in found.opened_before
        ],
        "looks": list(asked.looks),
        "architectures": [
            _examinee_json(examinee, judged)
            for examinee, judged in zip(found.examinees, found.judged, strict=True)
        ],
        "pairs": [_pair_json(pair, asked.rope) for pair in found.pairs],
        "left_out": dict(found.left_out),
        "remarks": remarks(found),
    }


def _examinee_json(examinee: Examinee, judged: Judged) -> dict[str, Any]:
    return {
        "name": examinee.architecture,
        "trial": examinee.trial,
        "trials": examinee.trials,
        "search_f1": examinee.search,
        "score": judged.score,
        "low": judged.low,
        "high": judged.high,
        "var_seed": judged.var_seed,
        "var_images": judged.var_images,
        "in_best": judged.in_best,
        "p_best": judged.p_best,
        "regret": judged.regret,
        "regret_high": judged.regret_high,
        "scores": list(examinee.scores),
        "failed": list(examinee.failed),
        "weights": examinee.weights,
        "ms_an_image": examinee.ms_an_image,
        "training_minutes": examinee.seconds / 60,
        "epochs": examinee.epochs,
        "shares_weights": examinee.shares_weights,
    }


def _pair_json(pair: JudgedPair, rope: float) -> dict[str, Any]:
    return {
        "one": pair.one,
        "other": pair.other,
        "difference": pair.difference,
        "low": pair.low,
        "high": pair.high,
        "var_seed": pair.var_seed,
        "var_images": pair.var_images,
        "verdict": pair.verdict,
        "verdict_in_words": verdict(pair, rope),
        "refits_might_decide": pair.refits_might_decide,
    }


def p_text(judged: Judged) -> str:
    """Return the probability of being best."""
    return share_text(judged.p_best)
