"""Duplicates among images: exact ones by their bytes, near ones by what can be seen.

Near duplicates are pictures of the same scene that were saved, scaled, brightened or moved a little.
Candidates for that have perceptual hashes (``imagehash.phash``) of at most 10 different bits of 64, and
Fourier components of similar size, which a shift does not change. Images of at most 16 pixels a side have too
little in them for such a hash: theirs come from the Fourier components alone. A candidate counts if its
pixels, moved by at most one, correlate with the other image's by at least 0.985.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trainer.datasets.large import empty

Images = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]
Pairs = npt.NDArray[np.int64]
Thumbnails = npt.NDArray[np.float32]

#: Pairs of images, ``[k]`` and ``[k]``, and how many images have been compared with all others.
Candidates = Iterator[tuple[Indices, Indices, int]]

Progress = Callable[[int, int], None]

#: Bits of 64 by which the perceptual hashes of near duplicates differ at most.
BITS = 10

#: The smallest cosine between the Fourier components of near duplicates of small images.
ALIKE = 0.97

#: The smallest correlation of near duplicates' pixels.
SAME = 0.985

#: The contrast below which a picture is plain: what is left of one by rounding, far below one grey level.
PLAIN = 1e-2

#: Sides up to which images are small; and to which larger ones are shrunk before they are compared.
SMALL, COMPARED = 16, 32

#: Images beyond which near duplicates are not looked for: every image is compared with every other.
MOST, MOST_SMALL = 150_000, 10_000

#: Images, or hashes, that are compared with all others at a time: what that takes stays in the caches.
_ROWS, _HASH_ROWS = 512, 32


@dataclass(frozen=True, slots=True)
class Cluster:
    """Images that are duplicates of each other.

    Attributes:
        kind: ``"exact"`` if all of them have the same bytes, else ``"near"``.
        members: their indices, ascending.
    """

    kind: Literal["exact", "near"]
    members: tuple[int, ...]


def clusters(images: Images, *, near: bool = True, progress: Progress | None = None) -> list[Cluster]:
    """Return all duplicates, in the order of their first image.

    Args:
        images: ``[n, height, width, channels]``; may be mapped from a file.
        near: whether to look for near duplicates too. They are not looked for among more than 150,000 images,
            or more than 10,000 of at most 16 pixels a side: see ``too_many``.
        progress: called now and then with the number of images that are done, and of all.
    """
    same = _exact(images)
    first = np.arange(len(images))
    for members in same:
        first[members] = members[0]
    if not near or too_many(images):
        return [Cluster("exact", tuple(members)) for members in same]
    distinct = np.unique(first)
    pairs = distinct[_near(images, distinct, progress)]
    joined = _components(
        len(images), [(members[0], each) for members in same for each in members[1:]] + pairs.tolist()
    )
    exact = {tuple(members) for members in same}
    return [Cluster("exact" if each in exact else "near", each) for each in joined]


def too_many(images: Images) -> bool:
    """Whether there are too many images to look for near duplicates."""
    return len(images) > (MOST_SMALL if _is_small(images) else MOST)


def together(images: Images, groups: npt.NDArray[np.int32] | None) -> npt.NDArray[np.int32]:
    """Return the groups that images have when duplicates are kept together, numbered by first appearance.

    Args:
        images: ``[n, height, width, channels]``.
        groups: ``[n]`` groups that they have already, which are merged with those of their duplicates.
    """
    links = [(each.members[0], other) for each in clusters(images) for other in each.members[1:]]
    if groups is not None:
        _, first, member = np.unique(groups, return_index=True, return_inverse=True)
        links += list(zip(first[member].tolist(), range(len(groups)), strict=True))
    joined = np.arange(len(images))
    for members in _components(len(images), links):
        joined[list(members)] = members[0]
    _, number = np.unique(joined, return_inverse=True)
    return number.astype(np.int32)


def digest_of(image: npt.NDArray[Any]) -> bytes:
    """Return a digest of an image's pixels: equal images have equal ones."""
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()


def _exact(images: Images) -> list[list[int]]:
    """Return images of the same bytes, each list ascending."""
    found: dict[bytes, list[int]] = {}
    for index, image in enumerate(images):
        found.setdefault(digest_of(image), []).append(index)
    return [members for members in found.values() if len(members) > 1]


def _components(count: int, links: list[Any]) -> list[tuple[int, ...]]:
    """Return the connected images, those of each component ascending."""
    if not links:
        return []
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    one, other = np.array(links, dtype=np.int64).T
    _, label = connected_components(
        coo_array((np.ones(len(one)), (one, other)), shape=(count, count)), directed=False
    )
    touched = np.unique(np.concatenate([one, other]))
    found: dict[int, list[int]] = {}
    for index in touched.tolist():
        found.setdefault(int(label[index]), []).append(index)
    return [tuple(members) for members in found.values() if len(members) > 1]


def _is_small(images: Images) -> bool:
    return bool(min(images.shape[1:3]) <= SMALL)


def _near(images: Images, chosen: Indices, progress: Progress | None) -> Pairs:
    """Return pairs of near duplicates among the images at ``chosen``, as places in ``chosen``, ``[k, 2]``."""
    thumbnails = _thumbnails(images, chosen)
    contrasts = _contrasts(thumbnails)
    candidates = _alike if _is_small(images) else _similar_hashes
    found = [np.empty((0, 2), dtype=np.int64)]
    for one, other, done in candidates(thumbnails):
        for start in range(0, len(one), _ROWS):
            some = np.stack([one[start : start + _ROWS], other[start : start + _ROWS]], axis=1)
            found.append(some[_correlation(thumbnails, contrasts, some) >= SAME])
        if progress is not None:
            progress(min(len(chosen), done), len(chosen))
    return np.concatenate(found)


def _correlation(thumbnails: Thumbnails, contrasts: Thumbnails, pairs: Pairs) -> npt.NDArray[np.float32]:
    """Return the best correlation of each pair, ``[k]``, if either is moved by at most one pixel.

    One of the two is the central crop less its mean, so the other's mean takes nothing away.
    """
    best = np.full(len(pairs), -1.0, dtype=np.float32)
    for one, other in (pairs.T, pairs.T[::-1]):
        centre = _crop(thumbnails[one], 4)
        centre = centre - centre.mean(axis=(1, 2), keepdims=True)
        others = thumbnails[other]
        for moved in range(9):
            size = contrasts[one, 4] * contrasts[other, moved]
            product = np.einsum("kij,kij->k", centre, _crop(others, moved))
            correlation = np.divide(product, size, out=np.zeros_like(product), where=size > 0)
            np.maximum(best, correlation, out=best)
    return best


def _crop(thumbnails: Thumbnails, number: int) -> Thumbnails:
    """Return one of nine crops that are a pixel smaller on each side; number 4 is the central one."""
    _, height, width = thumbnails.shape
    top, left = divmod(number, 3)
    return thumbnails[:, top : top + height - 2, left : left + width - 2]


def _contrasts(thumbnails: Thumbnails) -> Thumbnails:
    """Return the lengths of all crops as vectors less their means, ``[n, 9]``; 0 for plain ones.

    Plain pictures then correlate with nothing.
    """
    found = np.empty((len(thumbnails), 9), dtype=np.float32)
    for start in range(0, len(thumbnails), _ROWS):
        for number in range(9):
            crop = _crop(thumbnails[start : start + _ROWS], number)
            centred = crop - crop.mean(axis=(1, 2), keepdims=True)
            found[start : start + _ROWS, number] = np.sqrt(np.einsum("kij,kij->k", centred, centred))
    found[found < PLAIN] = 0.0
    return found


def _thumbnails(images: Images, chosen: Indices) -> Thumbnails:
    """Return the images at ``chosen``, grey, at most 32 pixels a side: ``[n, h, w]`` in [0, 255]."""
    from PIL import Image

    height, width = (min(COMPARED, side) for side in images.shape[1:3])
    found: Thumbnails = empty((len(chosen), height, width), np.float32)
    full = 255.0 if images.dtype == np.uint8 else max(float(images.max(initial=1)), 1e-9)
    for place, index in enumerate(chosen):
        grey = images[index].mean(axis=2) * (255.0 / full)
        if grey.shape != (height, width):
            grey = np.asarray(
                Image.fromarray(grey.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
            )
        found[place] = grey
    return found


def _similar_hashes(thumbnails: Thumbnails) -> Candidates:
    """Yield pairs whose perceptual hashes are similar, and the sizes of their Fourier components too."""
    from imagehash import phash
    from PIL import Image

    bits = [phash(Image.fromarray(each.astype(np.uint8))).hash.ravel() for each in thumbnails]
    hashes = np.packbits(np.array(bits), axis=1).view(np.uint64).ravel()
    signatures = _signatures(thumbnails)
    for start in range(0, len(hashes), _HASH_ROWS):
        rows = hashes[start : start + _HASH_ROWS, None]
        # One flat search: NumPy's over two axes takes five times as long.
        near = np.flatnonzero(np.bitwise_count(rows ^ hashes[None, start:]) <= BITS)
        one, other = _upper(*(each + start for each in np.divmod(near, len(hashes) - start)))
        alike = np.einsum("ij,ij->i", signatures[one], signatures[other]) >= ALIKE
        yield one[alike], other[alike], start + _HASH_ROWS


def _alike(thumbnails: Thumbnails) -> Candidates:
    """Yield pairs whose Fourier components have similar sizes, for some rows at a time."""
    signatures = _signatures(thumbnails)
    for start in range(0, len(signatures), _ROWS):
        one, other = np.nonzero(signatures[start : start + _ROWS] @ signatures[start:].T >= ALIKE)
        yield *_upper(one + start, other + start), start + _ROWS


def _signatures(thumbnails: Thumbnails) -> npt.NDArray[np.float32]:
    """Return the sizes of the lowest Fourier components, which no shift changes: ``[n, 45]`` of length 1."""
    count, height, width = thumbnails.shape
    found = np.empty((count, 45), dtype=np.float32)
    for start in range(0, count, _ROWS):
        some = thumbnails[start : start + _ROWS]
        centred = some - some.mean(axis=(1, 2), keepdims=True)
        sizes = np.abs(np.fft.fft2(centred, (2 * height, 2 * width)))
        low = [sizes[:, :5, :5].reshape(len(some), -1), sizes[:, -4:, :5].reshape(len(some), -1)]
        roots = np.sqrt(np.concatenate(low, axis=1))
        length = np.linalg.norm(roots, axis=1, keepdims=True)
        found[start : start + _ROWS] = roots / np.maximum(length, 1e-9)
    return found


def _upper(one: Indices, other: Indices) -> tuple[Indices, Indices]:
    """Return each pair once, without pairs of an image with itself."""
    keep = one < other
    return one[keep], other[keep]
