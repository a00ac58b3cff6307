"""A table of images: ``.csv``, or ``.parquet`` as Hugging Face's ``datasets`` writes it.

=================  ==========================================================================================
``path``           the image's file, as seen from the table's folder
``image``          instead, in Parquet: its content (bytes, or a struct with ``bytes`` and ``path``)
``label``          text or whole number; in Parquet the names of numbers come from Hugging Face's metadata
``group``          optional: which images belong together; or the column that ``groups`` names
``split``          optional: ``train`` or ``test``; the test images are the official test set
``fold``           optional: the folds to use as they are
=================  ==========================================================================================

Other columns are left alone. A CSV file is UTF-8, with commas, semicolons or tabs between columns. Rows are
counted as a spreadsheet does: the names of the columns are row 1.
"""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainer import names
from trainer.datasets import classes as class_names
from trainer.datasets import groups
from trainer.datasets.dataset import DatasetSource
from trainer.datasets.decoding import ImageFiles, Sources, decoded
from trainer.datasets.labelled import Labelled
from trainer.datasets.problems import Problem
from trainer.errors import UsageError, one_line
from trainer.limits import IMAGES
from trainer.names import Rule

SUFFIXES = (".csv", ".parquet")
WORDS = {
    **dict.fromkeys(("train", "training", "search"), False),
    **dict.fromkeys(("test", "testing", "exam"), True),
}

#: Names that the columns of images and labels may have, the first one that is there counts.
PATHS, CONTENTS, LABELS = ("path", "file_name", "filename"), ("image", "img"), ("label", "labels")

#: Rows of a Parquet file whose images are in memory at the same time.
_ROWS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """The columns of a table, each ``[n]`` texts; "" where a cell is empty.

    Attributes:
        columns: by name, without the images' content.
        sources: gives the images anew, each time it is called; None if ``path`` has them.
        class_names: the names of labels 0, 1, ...; empty if labels are names, or numbers without names.
    """

    columns: dict[str, list[str]]
    sources: Sources | None = None
    class_names: tuple[str, ...] = ()

    def first(self, known: Sequence[str]) -> list[str] | None:
        """Return the first of these columns that the table has."""
        return next((self.columns[name] for name in known if name in self.columns), None)


def labelled(
    path: Path,
    settings: DatasetSource,
    class_name: Rule = names.class_name,
    progress: Callable[[int, int], None] | None = None,
) -> Labelled:
    """Return all images of a table.

    Args:
        path: the table.
        settings: ``image_size``, ``colour``, ``fit``, ``groups`` and ``unreadable`` apply.
        class_name: the rule for class names.
        progress: called now and then with the number of decoded images, and of all.

    Raises:
        SourceProblems: with all that is wrong, by row.
        UsageError: if it is no table, or lacks a column.
    """
    table = _csv(path) if path.suffix.lower() == ".csv" else _parquet(path)
    labels = table.first(LABELS)
    paths = table.first(PATHS)
    if labels is None or (paths is None and table.sources is None):
        needed = "label" if labels is None else "path"
        there = ", ".join(table.columns) or "none"
        raise UsageError(f"{str(path)!r} has no column {needed!r} (its columns: {there}): add or rename it")
    count = len(labels)
    if not 0 < count <= IMAGES.most:
        raise UsageError(f"{str(path)!r} has {count:,} rows, and 1 to {IMAGES.said} work")
    image_names, problems = _names(paths, count)
    known, numbers, wrong = _classes(path, table, labels, class_name)
    problems += wrong
    group_of, wrong = _groups(path, table, paths, settings)
    problems += wrong
    test, wrong = _test(table, count)
    problems += wrong
    folds, wrong = _folds(table, test)
    problems += wrong
    sources = table.sources or _files(path.parent, paths or [])
    files = ImageFiles(names=image_names, sources=sources)
    pixels = decoded(files, settings, problems=problems, progress=progress)
    kept = pixels.kept
    return Labelled(
        name=path.stem,
        images=pixels.images,
        labels=np.array(numbers, dtype=np.int32)[kept],
        classes=known,
        pixel_max=255.0,
        paths=tuple(image_names[place] for place in kept),
        group_of=tuple(group_of[place] for place in kept) if group_of else (),
        fold_of=tuple(folds[place] for place in kept) if folds else (),
        test=np.array(test, dtype=bool)[kept],
        notes=pixels.notes,
    )


def _csv(path: Path) -> _Table:
    """Read a CSV file.

    Raises:
        UsageError: if it is no text, or rows have more cells than there are columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = stream.readline()
            delimiter = max(",;\t", key=header.count)
            stream.seek(0)
            rows = csv.reader(stream, delimiter=delimiter, strict=True)
            names_ = [name.strip() for name in next(rows, [])]
            columns: dict[str, list[str]] = {name: [] for name in names_}
            for number, row in enumerate(rows, start=2):
                if not any(row):
                    continue
                if len(row) > len(names_):
                    raise UsageError(
                        f"{str(path)!r}, row {number}: {len(row)} cells for {len(names_)} columns"
                    )
                for name, cell in zip(names_, [*row, *[""] * len(names_)], strict=False):
                    columns[name].append(cell.strip())
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise UsageError(
            f"{str(path)!r} cannot be read as a table ({reason}): save it as CSV in UTF-8"
        ) from None
    if len(columns) < len(names_):
        twice = next(name for name in names_ if names_.count(name) > 1)
        raise UsageError(f"{str(path)!r} has two columns {twice!r}: rename one")
    return _Table(columns=columns)


def _parquet(path: Path) -> _Table:
    """Read the columns of a Parquet file, the images' content not yet.

    Raises:
        UsageError: if it cannot be read.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path, memory_map=True)
        schema = file.schema_arrow
        content = next(
            (name for name in CONTENTS if name in schema.names and _is_content(schema, name)), None
        )
        plain = [field.name for field in schema if not pa.types.is_nested(field.type)]
        plain = [name for name in plain if name != content]
        columns = {
            name: ["" if cell is None else str(cell) for cell in file.read([name]).column(0).to_pylist()]
            for name in plain
            if name in {*PATHS, *LABELS, "group", "split", "fold"} or not _is_bytes(schema, name)
        }
        known = _hugging_face_names(schema, next((name for name in LABELS if name in columns), ""))
        if content is not None and (given := _paths_inside(file, content)):
            columns.setdefault("path", given)
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        raise UsageError(
            f"{str(path)!r} cannot be read as Parquet ({one_line(error)}): write it again"
        ) from None
    sources = None if content is None else lambda: _contents(path, content)
    return _Table(columns=columns, sources=sources, class_names=known)


def _is_content(schema: Any, name: str) -> bool:
    import pyarrow as pa

    kind = schema.field(name).type
    return _is_bytes(schema, name) or (pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0)


def _is_bytes(schema: Any, name: str) -> bool:
    import pyarrow as pa

    kind = schema.field(name).type
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _contents(path: Path, column: str) -> Iterator[bytes]:
    """Yield the content of each image, a few rows at a time."""
    from pyarrow import parquet

    with parquet.ParquetFile(path, memory_map=True) as file:
        for batch in file.iter_batches(_ROWS, columns=[column]):
            for cell in batch.column(0).to_pylist():
                yield ((cell or {}).get("bytes") if isinstance(cell, dict) else cell) or b""


def _paths_inside(file: Any, column: str) -> list[str]:
    """Return the path that is stored with each image's content; empty if not each has one of its own."""
    kind = file.schema_arrow.field(column).type
    if not hasattr(kind, "get_field_index") or kind.get_field_index("path") < 0:
        return []
    cells = file.read([f"{column}.path"]).column(0).to_pylist()
    found = [str((cell or {}).get("path") or "") for cell in cells]
    return found if all(found) and len(set(found)) == len(found) else []


def _hugging_face_names(schema: Any, label: str) -> tuple[str, ...]:
    """Return the names of the classes that Hugging Face's ``datasets`` has written into the file."""
    try:
        told = json.loads((schema.metadata or {})[b"huggingface"])
        feature = told["info"]["features"][label]
        return tuple(map(str, feature["names"])) if feature.get("_type") == "ClassLabel" else ()
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def _names(paths: list[str] | None, count: int) -> tuple[list[str], list[Problem]]:
    """Return what each image is called: its path, or its row; and rows that name a file again."""
    rows = [f"row {number}" for number in range(2, count + 2)]
    if paths is None or not any(paths):
        return rows, []
    first: dict[str, str] = {}
    problems = []
    for row, path in zip(rows, paths, strict=True):
        if path and path in first:
            problems.append(
                Problem(row, f"{path!r} is in {first[path]} too: keep one of them", skippable=False)
            )
        first.setdefault(path, row)
    return [path or row for path, row in zip(paths, rows, strict=True)], problems


def _classes(
    path: Path, table: _Table, labels: list[str], class_name: Rule
) -> tuple[tuple[str, ...], list[int], list[Problem]]:
    """Return the classes, the class of each row, and the rows that have none.

    Raises:
        UsageError: if a class has an impossible name.
    """
    missing = {
        place for place, label in enumerate(labels) if not label or (label == "-1" and table.class_names)
    }
    problems = [Problem(f"row {place + 2}", "it has no label", skippable=False) for place in sorted(missing)]
    given = sorted({label for place, label in enumerate(labels) if place not in missing}, key=_by_value)
    if table.class_names:
        known = table.class_names
        number = {str(place): place for place in range(len(known))}
        unknown = [label for label in given if label not in number]
        if unknown:
            raise UsageError(
                f"{str(path)!r} has the label {unknown[0]!r}, and names for {len(known)} classes"
            )
    else:
        known = tuple(given)
        number = {label: place for place, label in enumerate(given)}
    try:
        checked = class_names.checked(known, class_name)
    except ValueError as error:
        raise UsageError(f"the labels of {str(path)!r}: {error}") from None
    return checked, [number.get(label, 0) for label in labels], problems


def _by_value(label: str) -> tuple[int, int, str]:
    whole = label.lstrip("-").isdecimal() and label.count("-") <= 1 and len(label) < 18
    return (0, int(label), label) if whole else (1, 0, label)


def _groups(
    path: Path, table: _Table, paths: list[str] | None, settings: DatasetSource
) -> tuple[tuple[str, ...], list[Problem]]:
    """Return the group of each row, and rows that have none."""
    wanted = settings.groups
    if wanted is None and "group" not in table.columns:
        return (), []
    if isinstance(wanted, int):
        if paths is None:
            raise UsageError(f"groups = {wanted}: {str(path)!r} has no paths, so it has no folders")
        return groups.by_level(paths, [Path(each).parts[:-1] for each in paths], wanted)
    column = wanted or "group"
    if column in table.columns:
        found = table.columns[column]
        lacking = [place + 2 for place, name in enumerate(found) if not name]
        return tuple(found), [
            Problem(f"row {row}", f"it has no {column}", skippable=False) for row in lacking
        ]
    if "(" not in column or paths is None:
        there = ", ".join(table.columns)
        raise UsageError(
            f"groups = {column!r} is neither a column of {str(path)!r} ({there}) nor a pattern with a "
            "group in parentheses"
        )
    return groups.by_pattern(paths, column)


def _test(table: _Table, count: int) -> tuple[list[bool], list[Problem]]:
    """Return which rows are of the official test set, and rows with an unknown word."""
    words = table.columns.get("split")
    if words is None:
        return [False] * count, []
    what = "the split {!r} is none of train, test: write one of these (refold draws stop sets itself)"
    problems = [
        Problem(f"row {place + 2}", what.format(word), skippable=False)
        for place, word in enumerate(words)
        if word.lower() not in WORDS
    ]
    return [WORDS.get(word.lower(), False) for word in words], problems


def _folds(table: _Table, test: list[bool]) -> tuple[list[str], list[Problem]]:
    """Return the fold of each row, "" for the test set's, and rows that have none."""
    given = table.columns.get("fold")
    if given is None:
        return [], []
    found = ["" if of_test else fold for fold, of_test in zip(given, test, strict=True)]
    problems = [
        Problem(f"row {place + 2}", "it has no fold", skippable=False)
        for place, (fold, of_test) in enumerate(zip(given, test, strict=True))
        if not fold and not of_test
    ]
    return found, problems


def _files(folder: Path, paths: Sequence[str]) -> Sources:
    """Return the file of each row, or what is wrong with it."""
    root = folder.resolve()
    found = [_file(folder, root, given, f"row {row}") for row, given in enumerate(paths, start=2)]
    return lambda: iter(found)


def _file(folder: Path, root: Path, given: str, row: str) -> Path | Problem:
    if not given:
        return Problem(row, "it has no path", skippable=False)
    path = folder / given
    try:
        inside, there = root in path.resolve().parents, path.is_file()  # reading a pipe would never end
    except (OSError, RuntimeError, ValueError):
        inside, there = True, False
    if not inside:
        return Problem(
            row, f"{given!r} leaves the table's folder: put the table above its images", skippable=False
        )
    return path if there else Problem(row, f"{given!r} is not there: restore it, or take the row out")
