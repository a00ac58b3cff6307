"""Draws folds and stop sets, as sorted index arrays. Other modules use ``split``, which calls this one.

Folds depend on labels, number of folds and seed alone, so all trials of all architectures have the same.
"""

import warnings

import numpy as np
import numpy.typing as npt

from trainer.errors import UsageError
from trainer.fits.seeds import derive, permutation

Indices = npt.NDArray[np.int64]


#: With more groups than this, images that are a group by themselves are dealt apart: scikit-learn takes
#: 0.3 ms a group, which would be half a minute in every process.
MANY_GROUPS = 5_000


def held_out_folds(
    labels: npt.NDArray[np.integer],
    *,
    folds: int,
    seed: int,
    groups: npt.NDArray[np.integer] | None = None,
    given: npt.NDArray[np.integer] | None = None,
) -> tuple[Indices, ...]:
    """Split ``range(len(labels))`` into ``folds`` parts, stratified as well as groups allow.

    Args:
        labels: ``[n]`` classes.
        folds: number of parts, at least 2.
        seed: in [0, 2**31).
        groups: ``[n]`` numbers of groups, none of which is divided; None if every image is by itself.
        given: ``[n]`` folds from 0 that come with the data and are used as they are, whatever the seed.

    Returns:
        Sorted, disjoint index arrays that together hold every index. Without groups and given folds, the
        numbers of images of a class in two folds differ by at most 1.

    Raises:
        UsageError: if a class has fewer samples or groups than it needs, or the given folds are not so many
            or divide a group.
    """
    if given is not None:
        parts = _given_folds(given, folds, groups)
    elif groups is not None:
        parts = _group_folds(labels, groups, folds, seed)
    else:
        return _stratified(labels, folds, seed)
    _check_training(labels, parts)
    return parts


def _stratified(labels: npt.NDArray[np.integer], folds: int, seed: int) -> tuple[Indices, ...]:
    from sklearn.model_selection import StratifiedKFold  # takes seconds: not for 'refold --help'

    classes, counts = np.unique(labels, return_counts=True)
    rare = int(np.argmin(counts))
    if counts[rare] < folds:
        raise UsageError(
            f"class {classes[rare]} has {counts[rare]} samples, fewer than the {folds} folds: "
            f"lower cv.folds to {counts[rare]} or add samples"
            if counts[rare] > 1
            else f"class {classes[rare]} has 1 sample and cannot be split: add samples or leave the class out"
        )
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    return tuple(np.sort(held_out) for _, held_out in splitter.split(np.zeros(len(labels)), labels))


def _given_folds(
    given: npt.NDArray[np.integer], folds: int, groups: npt.NDArray[np.integer] | None
) -> tuple[Indices, ...]:
    there = int(given.max()) + 1
    if there != folds:
        raise UsageError(f"the data comes with {there} folds: set cv.folds = {there}, not {folds}")
    if groups is not None:
        pairs = np.unique(np.stack([groups, given]), axis=1)
        members, times = np.unique(pairs[0], return_counts=True)
        if times.max() > 1:
            raise UsageError(
                f"the folds that come with the data divide group {members[times.argmax()]}: a group must be "
                "in one fold, so correct the folds, or leave the groups out"
            )
    return tuple(np.flatnonzero(given == fold) for fold in range(folds))


def _group_folds(
    labels: npt.NDArray[np.integer], groups: npt.NDArray[np.integer], folds: int, seed: int
) -> tuple[Indices, ...]:
    from sklearn.model_selection import StratifiedGroupKFold  # takes seconds: not for 'refold --help'

    members, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(members) < folds:
        raise UsageError(
            f"there are {len(members)} groups, fewer than the {folds} folds: lower cv.folds to "
            f"{len(members)}, or add groups"
        )
    _check_groups(labels, groups, folds)
    alone = _alone(labels, member, sizes, folds)
    together, single = np.flatnonzero(~alone), np.flatnonzero(alone)
    fold_of = np.zeros(len(labels), dtype=np.int64)
    if len(together):
        splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a class is rare: what that leaves is checked afterwards
            where = list(splitter.split(np.zeros(len(together)), labels[together], groups[together]))
        for fold, (_, held_out) in enumerate(where):
            fold_of[together[held_out]] = fold
    for fold, held_out in enumerate(_stratified(labels[single], folds, seed) if len(single) else ()):
        fold_of[single[held_out]] = fold
    return tuple(np.flatnonzero(fold_of == fold) for fold in range(folds))


def _check_groups(labels: npt.NDArray[np.integer], groups: npt.NDArray[np.integer], folds: int) -> None:
    """Refuse a class of fewer than two groups: it could not be both learned and held out."""
    pairs = np.unique(np.stack([labels, groups]), axis=1)
    classes, counts = np.unique(pairs[0], return_counts=True)
    if counts.min() < 2:
        rare = classes[counts.argmin()]
        raise UsageError(
            f"all samples of class {rare} are in one group, so it cannot be both learned and held out: add "
            "groups of that class, or leave the class out"
        )
    if not (np.unique(labels, return_counts=True)[1] >= folds).any():
        raise UsageError(f"no class has as many samples as the {folds} folds: lower cv.folds, or add samples")


def _alone(
    labels: npt.NDArray[np.integer],
    member: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    folds: int,
) -> npt.NDArray[np.bool_]:
    """Return which images are dealt by themselves: none unless there are many groups."""
    alone = sizes[member] == 1
    if len(sizes) <= MANY_GROUPS:
        return np.zeros_like(alone)
    counts = np.bincount(labels[alone], minlength=int(labels.max()) + 1)
    alone &= counts[labels] >= folds
    rest = len(np.unique(member[~alone]))
    return np.zeros_like(alone) if 0 < rest < folds else alone


def _check_training(labels: npt.NDArray[np.integer], parts: tuple[Indices, ...]) -> None:
    """Refuse folds one of which has all images of a class: its fit could not learn the class."""
    totals = np.bincount(labels)
    for fold, part in enumerate(parts):
        held_out = np.bincount(labels[part], minlength=len(totals))
        whole = np.flatnonzero((held_out == totals) & (totals > 0))
        if len(whole):
            raise UsageError(
                f"all samples of class {whole[0]} are in fold {fold}, so nothing is left to learn it from: "
                "the class needs groups in at least two folds; add some, or leave the class out"
            )


def part_of(
    labels: npt.NDArray[np.integer],
    candidates: Indices,
    *,
    share: float,
    seed: int,
    groups: npt.NDArray[np.integer] | None = None,
) -> Indices:
    """Choose a stratified part of ``candidates``: what early stopping watches, or an exam.

    It takes ``share`` of each class (rounded), at least one image and never all of them. So every class with
    two images or more is in both parts, and macro-F1 covers it. With groups it takes whole groups, and comes
    as close to these numbers as the first fitting groups of a seeded order do; no class loses its last group.

    Args:
        labels: ``[n]`` classes of the whole dataset.
        candidates: sorted indices of the images to choose from.
        share: in (0, 0.5].
        seed: in [0, 2**31).
        groups: ``[n]`` numbers of the groups of the whole dataset; None if every image is by itself.

    Returns:
        Sorted indices, a subset of ``candidates``.
    """
    if groups is not None:
        return _groups_part(labels[candidates], groups[candidates], candidates, share=share, seed=seed)
    chosen = []
    for label in np.unique(labels[candidates]):
        members = candidates[labels[candidates] == label]
        count = min(max(1, round(share * len(members))), len(members) - 1)
        chosen.append(members[permutation(derive(seed, int(label)), len(members))[:count]])
    return np.sort(np.concatenate(chosen))


def _groups_part(
    labels: npt.NDArray[np.integer],
    groups: npt.NDArray[np.integer],
    candidates: Indices,
    *,
    share: float,
    seed: int,
) -> Indices:
    """Choose whole groups, for the rarest class first, each in a seeded order.

    Args:
        labels: ``[c]`` classes of the candidates.
        groups: ``[c]`` groups of the candidates.
        candidates: ``[c]`` their indices.
        share: see ``part_of``.
        seed: see ``part_of``.
    """
    members, member = np.unique(groups, return_inverse=True)
    kinds, kind = np.unique(labels, return_inverse=True)
    pairs, counts = np.unique(member * len(kinds) + kind, return_counts=True)
    left = _Left(len(members), len(kinds), pairs, counts)
    for of_class in np.argsort(left.images, kind="stable").tolist():
        inside = left.groups_of(of_class)
        want = max(1, round(share * int(left.images[of_class])))
        for place in permutation(derive(seed, int(kinds[of_class])), len(inside)).tolist():
            left.take(inside[place], of_class, want)
        if not left.taken_of[of_class]:  # all are larger than what is wanted: the smallest is the nearest
            for group in sorted(inside, key=lambda each: (left.inside[each][of_class], each)):
                if left.take(group, of_class, 0):
                    break
    return candidates[left.taken[member]]


class _Left:
    """Groups that are being divided: which are taken, and what that leaves of each class."""

    def __init__(
        self, groups: int, classes: int, pairs: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
    ) -> None:
        self.taken = np.zeros(groups, dtype=bool)
        self.inside: list[dict[int, int]] = [{} for _ in range(groups)]
        self.images = np.zeros(classes, dtype=np.int64)
        self.taken_of = np.zeros(classes, dtype=np.int64)
        self._groups_left = np.zeros(classes, dtype=np.int64)
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            group, of_class = divmod(pair, classes)
            self.inside[group][of_class] = count
            self.images[of_class] += count
            self._groups_left[of_class] += 1
        self._of_class: list[list[int]] = [[] for _ in range(classes)]
        for group, found in enumerate(self.inside):
            for of_class in found:
                self._of_class[of_class].append(group)

    def groups_of(self, of_class: int) -> list[int]:
        """Return the groups that have images of a class, ascending."""
        return self._of_class[of_class]

    def take(self, group: int, of_class: int, want: int) -> bool:
        """Take a group if that brings its class nearer to ``want`` images (0: in any case); say whether.

        No class may lose its last group.
        """
        lacking = want - int(self.taken_of[of_class])
        near = want == 0 or self.inside[group][of_class] < 2 * lacking
        if self.taken[group] or not near or any(self._groups_left[each] == 1 for each in self.inside[group]):
            return False
        self.taken[group] = True
        for each, count in self.inside[group].items():
            self.taken_of[each] += count
            self._groups_left[each] -= 1
        return True
