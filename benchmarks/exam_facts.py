"""A judgement of an exam held against what is true: which of its statements hold."""

from dataclasses import dataclass

import numpy as np

from sweeps.analysis.statistics.exam import Judgement

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is so in one experiment, as shares in [0, 1], but for ``members``.

    Attributes:
        covers: intervals of scores that hold the true score (of all architectures).
        best_held: whether the set of the best holds the first of those that none is truly better than.
        members: of that set.
        wrong: whether some pair is called better or equivalent and is not.
        decided: pairs that are called something.
        use_any_wrong: whether it says "use any of these" where one costs more than the region.
        regret_held: whether no architecture costs more than its ``regret_high``.
    """

    covers: float
    best_held: float
    members: float
    wrong: float
    decided: float
    use_any_wrong: float
    regret_held: float


def facts(judged: Judgement, truth: dict[str, float]) -> Facts:
    """Hold a judgement against what is true."""
    top = max(truth.values())
    best = next(name for name, score in truth.items() if score > top - _ROUNDING)
    covers = [each.low <= truth[each.name] <= each.high for each in judged.architectures]
    costs = {name: top - score for name, score in truth.items()}
    return Facts(
        covers=float(np.mean(covers)),
        best_held=best in judged.best,
        members=len(judged.best),
        wrong=_wrong(judged, truth),
        decided=float(np.mean([pair.verdict != "undecided" for pair in judged.pairs] or [False])),
        use_any_wrong=judged.use_any and max(costs[name] for name in judged.best) > judged.rope + _ROUNDING,
        regret_held=all(costs[each.name] <= each.regret_high + _ROUNDING for each in judged.architectures),
    )


def _wrong(judged: Judgement, truth: dict[str, float]) -> bool:
    for pair in judged.pairs:
        difference = truth[pair.one] - truth[pair.other]
        right = {
            "better": difference > judged.rope - _ROUNDING,
            "equivalent": abs(difference) < judged.rope + _ROUNDING,
            "undecided": True,
        }
        if not right[pair.verdict]:
            return True
    return False
