"""A folder of class folders with image files; or of ``train`` and ``test`` with such folders in both.

Classes are the folders' names, sorted by code point; images are sorted by class and path. The rules:

- A class's name is the folder's in composed form (NFC), so a folder from another system has the same classes.
- Folders inside a class folder may be nested: their images belong to the class.
- What systems and programs leave in folders (``.DS_Store``, ``Thumbs.db``, ``__MACOSX``, all that is hidden)
  and files that are no images are left out. Image types that are not read (``.gif``, ``.heic``, ...) are
  refused, because leaving them out in silence would train on less than the user sees.
- A symbolic link is followed if it stays inside the folder, and refused if it leaves it.

``trainer.datasets.image_file`` says how images are converted.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer import names
from trainer.datasets import classes as class_names
from trainer.datasets import groups
from trainer.datasets.dataset import DatasetSource
from trainer.datasets.decoding import ImageFiles, decoded
from trainer.datasets.image_file import Colour, Header
from trainer.datasets.labelled import Labelled
from trainer.datasets.problems import Problem, SourceProblems
from trainer.errors import UsageError
from trainer.limits import IMAGES
from trainer.names import Rule

READ = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff"})
REFUSED = frozenset(
    f".{suffix}"
    for suffix in (
        *("avif", "dcm", "gif", "heic", "heif", "jp2", "jxl"),
        *("pbm", "pgm", "pnm", "ppm", "svg", "tga"),
    )
)
JUNK = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"})

#: Names of folders that divide a dataset.
TRAIN, TEST = frozenset({"train", "training"}), frozenset({"test", "testing"})
VALIDATION = frozenset({"val", "valid", "validation", "dev"})

#: Folders inside folders that are searched.
DEEPEST = 32


@dataclass(frozen=True, slots=True)
class _Image:
    """An image file: its path, its class folder's name, and the folders between the two."""

    path: Path
    class_folder: str
    inside: tuple[str, ...]
    test: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """What a walk through the folders has found."""

    root: Path
    images: list[_Image] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def name(self, path: Path) -> str:
        """Return what messages call a path: as it is seen from the root."""
        return path.relative_to(self.root).as_posix()

    def problem(self, path: Path, what: str, *, skippable: bool = True) -> None:
        self.problems.append(Problem(self.name(path), what, skippable=skippable))


def labelled(
    folder: Path,
    settings: DatasetSource,
    class_name: Rule = names.class_name,
    progress: Callable[[int, int], None] | None = None,
) -> Labelled:
    """Return all images of the class folders in ``folder``.

    Args:
        folder: holds one folder a class, or ``train`` and ``test`` that do.
        settings: ``image_size``, ``colour``, ``fit``, ``groups`` and ``unreadable`` apply.
        class_name: the rule for the names of class folders.
        progress: called now and then with the number of decoded images, and of all.

    Raises:
        SourceProblems: with all that is wrong with the files.
        UsageError: if there are fewer than two classes, or a class has an impossible name.
    """
    found = _Found(folder)
    parts = _parts(folder)
    by_class = {part: _class_folders(folder / part, class_name) for part in parts}
    known = by_class[parts[0]]
    for part, folders in by_class.items():
        for name, given in folders.items():
            if (at := folder / part / given).is_symlink() and not _stays_inside(found, at):
                continue
            if name in known:
                _walk(found, at, known[name], test=part != parts[0])
            else:
                what = f"no such class folder in {parts[0]!r}: rename it, or take it out"
                found.problem(at, what, skippable=False)
    _check_classes(found, known, parts[0])
    if len(found.images) > IMAGES.most:
        raise UsageError(f"{str(folder)!r} has {len(found.images):,} images, and at most {IMAGES.said} work")
    paths = [found.name(image.path) for image in found.images]
    group_of, more = _groups(paths, [image.inside for image in found.images], settings)
    files = ImageFiles(names=paths, sources=lambda: (image.path for image in found.images))
    pixels = decoded(files, settings, problems=[*found.problems, *more], progress=progress)
    kept = [found.images[place] for place in pixels.kept]
    number = {given: label for label, given in enumerate(known.values())}
    return Labelled(
        name=folder.resolve().name,
        images=pixels.images,
        labels=np.array([number[image.class_folder] for image in kept], dtype=np.int32),
        classes=tuple(known),
        pixel_max=255.0,
        paths=tuple(paths[place] for place in pixels.kept),
        group_of=tuple(group_of[place] for place in pixels.kept) if group_of else (),
        test=np.array([image.test for image in kept], dtype=bool),
        notes=pixels.notes,
    )


def read_files(
    paths: Sequence[Path], *, input_shape: tuple[int, int, int], settings: DatasetSource
) -> npt.NDArray[np.uint8]:
    """Return images ``[n, height, width, channels]`` for a model that was trained on image files.

    Args:
        paths: image files.
        input_shape: height, width, channels of the model.
        settings: how the sweep has read its images; without a size or colour there, images of another one are
            refused.

    Raises:
        SourceProblems: with all files that are damaged, refused, or do not fit.
    """
    height, width, channels = input_shape
    if channels not in (1, 3):
        raise UsageError(f"the model takes {channels} channels, and image files have 1 (grey) or 3 (colour)")
    colour: Colour = "grey" if channels == 1 else "rgb"
    files = ImageFiles(names=[str(path) for path in paths], sources=lambda: iter(paths))

    def misfit(header: Header) -> str | None:
        if header.size != (height, width) and settings.image_size is None:
            found = "x".join(map(str, header.size))
            return f"it is {found} pixels (height x width), not {height}x{width}"
        if header.colour != colour and settings.colour is None:
            return f"it is stored as {header.colour}, the model takes {colour}"
        return None

    return decoded(files, settings, misfit=misfit).images


def image_files(folder: Path) -> list[Path]:
    """Return all image files in a folder and its subfolders, sorted, without what is hidden."""
    found = _Found(folder)
    _walk(found, folder, "", test=False)
    return [image.path for image in found.images]


def _parts(folder: Path) -> tuple[str, ...]:
    """Return the folders that hold class folders: ``("",)``, or those of ``train`` and ``test``.

    Raises:
        UsageError: if there is a folder for validation beside them.
    """
    there = [entry.name for entry in _entries(folder) if _is_folder(entry)]
    train = [name for name in there if name.lower() in TRAIN]
    test = [name for name in there if name.lower() in TEST]
    other = [name for name in there if name.lower() in VALIDATION]
    if len(train) != 1 or len(train) + len(test) + len(other) != len(there) or len(there) < 2:
        return ("",)
    if other:
        raise UsageError(
            f"{str(folder)!r} has the folder {other[0]!r} beside {train[0]!r}: refold draws folds and stop "
            f"sets itself, so move its images into {train[0]!r}, or take it out"
        )
    return (train[0], test[0]) if len(test) == 1 else ("",)


def _class_folders(folder: Path, class_name: Rule) -> dict[str, str]:
    """Return the folder of each class, sorted by the classes' names.

    Raises:
        UsageError: if there are fewer than two, or one has a name that no class may have.
    """
    found = sorted(entry.name for entry in _entries(folder) if _is_folder(entry))
    if len(found) < 2:
        raise UsageError(
            f"{str(folder)!r} has {len(found)} class folders: it must have at least two, "
            "each named by its class and holding that class's images"
        )
    try:
        classes = class_names.checked(found, class_name)
    except ValueError as error:
        raise UsageError(f"class folders of {str(folder)!r}: {error}") from None
    return dict(sorted(zip(classes, found, strict=True)))


def _walk(
    found: _Found, folder: Path, class_folder: str, *, test: bool, inside: tuple[str, ...] = ()
) -> None:
    """Take in the images of a class folder and of the folders inside it, sorted by path."""
    if len(inside) > DEEPEST:
        found.problem(folder, f"more than {DEEPEST} folders inside each other", skippable=False)
        return
    for entry in sorted(_entries(folder), key=lambda entry: entry.name):
        path = folder / entry.name
        if entry.is_symlink() and not _stays_inside(found, path):
            continue
        if _is_folder(entry):
            _walk(found, path, class_folder, test=test, inside=(*inside, entry.name))
        elif (suffix := path.suffix.lower()) in REFUSED:
            found.problem(path, "it is none of PNG, JPEG, WebP, BMP, TIFF: convert it")
        elif suffix in READ and not path.is_file():  # reading a pipe would never end
            found.problem(path, "it is not a readable file: restore it")
        elif suffix in READ:
            found.images.append(_Image(path, class_folder, inside, test))


def _stays_inside(found: _Found, link: Path) -> bool:
    """Whether a symbolic link leads to another place inside the root, which is not around itself."""
    try:
        target, root = link.resolve(strict=True), found.root.resolve()
    except (OSError, RuntimeError):
        found.problem(link, "it is a symbolic link that leads nowhere: restore what it led to")
        return False
    if root not in target.parents:
        found.problem(
            link, "it is a symbolic link that leaves the folder: copy there what it leads to", skippable=False
        )
        return False
    if target in link.parent.resolve().parents or target == link.parent.resolve():
        found.problem(link, "it is a symbolic link to a folder around it: delete it", skippable=False)
        return False
    return True


def _check_classes(found: _Found, known: dict[str, str], part: str) -> None:
    """Take in a problem for each class without images to train on."""
    filled = {image.class_folder for image in found.images if not image.test}
    for given in known.values():
        if given not in filled:
            what = "the class folder has no PNG, JPEG, WebP, BMP or TIFF image: add some, or delete it"
            found.problem(found.root / part / given, what, skippable=False)
    if not filled and found.problems:  # nothing to decode: say it all now
        raise SourceProblems(str(found.root), found.problems)


def _groups(
    paths: Sequence[str], folders: Sequence[Sequence[str]], settings: DatasetSource
) -> tuple[tuple[str, ...], list[Problem]]:
    if settings.groups is None or not paths:
        return (), []
    if isinstance(settings.groups, int):
        return groups.by_level(paths, folders, settings.groups)
    return groups.by_pattern(paths, settings.groups)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Return the entries of a folder that are not hidden or junk, in no particular order."""
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError as error:
        raise UsageError(f"the folder {str(folder)!r} cannot be read: {error.strerror}") from error
    return (each for each in found if not each.name.startswith(".") and each.name.lower() not in JUNK)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one; a broken or circular link is not."""
    try:
        return entry.is_dir()
    except OSError:
        return False
