"""Duplicates among images: exact ones by their bytes, near ones by what can be seen.

Near duplicates are pictures of the same scene that were saved, scaled, brightened or moved a little.
Candidates for that come from perceptual hashes (``imagehash.phash``) of at most 10 different bits of 64.
Images of at most 16 pixels a side have too little in them for such a hash: theirs come from the size of the
Fourier components, which a shift does not change. A candidate counts if its pixels, moved by at most one,
correlate with the other image's by at least 0.985. ``docs/data.md`` says how many that finds, and how many
false alarms there are.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[Any]
Pairs = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]

#: Bits of 64 by which the perceptual hashes of near duplicates differ at most.
BITS = 10

#: The smallest cosine between the Fourier components of near duplicates of small images.
ALIKE = 0.97

#: The smallest correlation of near duplicates' pixels.
SAME = 0.985

#: Sides up to which images are small; and to which larger ones are shrunk before they are compared.
SMALL, COMPARED = 16, 32

#: Images beyond which near duplicates are not looked for: every image is compared with every other.
MOST, MOST_SMALL = 150_000, 10_000

#: Images that are compared with all others at a time.
_ROWS = 512


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
    pairs = distinct[_near(images[distinct] if len(same) else images, progress)]
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


def _near(images: Images, progress: Progress | None) -> Pairs:
    """Return pairs of near duplicates, ``[k, 2]``."""
    candidates = _alike if _is_small(images) else _similar_hashes
    thumbnails = _thumbnails(images)
    crops = _crops(thumbnails)
    found = [np.empty((0, 2), dtype=np.int64)]
    for done, (one, other) in enumerate(candidates(images, thumbnails)):
        correlation = np.full(len(one), -1.0, dtype=np.float32)
        for crop in crops:
            np.maximum(correlation, (crops[4][one] * crop[other]).sum(axis=1), out=correlation)
            np.maximum(correlation, (crop[one] * crops[4][other]).sum(axis=1), out=correlation)
        found.append(np.stack([one, other], axis=1)[correlation >= SAME])
        if progress is not None:
            progress(min(len(images), (done + 1) * _ROWS), len(images))
    return np.concatenate(found)


def _thumbnails(images: Images) -> npt.NDArray[np.float32]:
    """Return grey images of at most 32 pixels a side, ``[n, h, w]``, values in [0, 255]."""
    from PIL import Image

    height, width = (min(COMPARED, side) for side in images.shape[1:3])
    found = np.empty((len(images), height, width), dtype=np.float32)
    full = 255.0 if images.dtype == np.uint8 else max(float(images.max(initial=1)), 1e-9)
    for index, image in enumerate(images):
        grey = image.mean(axis=2) * (255.0 / full)
        if grey.shape != (height, width):
            grey = np.asarray(
                Image.fromarray(grey.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
            )
        found[index] = grey
    return found


def _crops(thumbnails: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    """Return the nine crops that are one pixel smaller on each side, standardised; the fifth is central."""
    _, height, width = thumbnails.shape
    return [
        _standardised(thumbnails[:, top : top + height - 2, left : left + width - 2])
        for top in range(3)
        for left in range(3)
    ]


def _standardised(parts: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return each as a vector of mean 0 and length 1; constant ones as 0, which correlate with nothing."""
    vectors = parts.reshape(len(parts), -1)
    vectors = vectors - vectors.mean(axis=1, keepdims=True)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: npt.NDArray[np.float32] = np.divide(
        vectors, length, out=np.zeros_like(vectors), where=length > 1e-3
    )
    return found


def _similar_hashes(images: Images, thumbnails: npt.NDArray[np.float32]) -> Iterator[tuple[Pairs, Pairs]]:
    """Yield pairs whose perceptual hashes are similar, for some rows at a time."""
    from imagehash import phash
    from PIL import Image

    bits = [phash(Image.fromarray(each.astype(np.uint8))).hash.ravel() for each in thumbnails]
    hashes = np.packbits(np.array(bits), axis=1).view(np.uint64).ravel()
    for start in range(0, len(images), _ROWS):
        rows = hashes[start : start + _ROWS, None]
        one, other = np.nonzero(np.bitwise_count(rows ^ hashes[None, start:]) <= BITS)
        yield _upper(one + start, other + start)


def _alike(images: Images, thumbnails: npt.NDArray[np.float32]) -> Iterator[tuple[Pairs, Pairs]]:
    """Yield pairs whose Fourier components have similar sizes, for some rows at a time."""
    count, height, width = thumbnails.shape
    centred = thumbnails - thumbnails.mean(axis=(1, 2), keepdims=True)
    sizes = np.abs(np.fft.fft2(centred, (2 * height, 2 * width)))
    low = np.concatenate([sizes[:, :5, :5].reshape(count, -1), sizes[:, -4:, :5].reshape(count, -1)], axis=1)
    roots = np.sqrt(low).astype(np.float32)
    signatures = roots / np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), 1e-9)
    for start in range(0, len(images), _ROWS):
        one, other = np.nonzero(signatures[start : start + _ROWS] @ signatures[start:].T >= ALIKE)
        yield _upper(one + start, other + start)


def _upper(one: Pairs, other: Pairs) -> tuple[Pairs, Pairs]:
    """Return each pair once, without pairs of an image with itself."""
    keep = one < other
    return one[keep], other[keep]
