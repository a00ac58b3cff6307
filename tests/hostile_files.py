"""Hostile files of every kind that refold reads, each with what its one line must say.

A case writes its files into an empty folder. A good sweep file is written beside them by ``SWEEP``.
"""

import gzip
import io
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.recorded_home import BEFORE_THE_MOVE

#: ``write(folder)``, and what must be said.
Case = tuple[Callable[[Path], object], str]

IMAGES, LABELS = np.zeros((8, 8, 8), np.uint8), np.arange(8) % 2


def arrays(said: str, **content: Any) -> Case:
    """Return an ``.npz`` of good images and labels, but for ``content``; None leaves one out."""
    chosen: dict[str, Any] = {"images": IMAGES, "labels": LABELS} | content
    kept = {name: array for name, array in chosen.items() if array is not None}
    return lambda folder: np.savez(folder / "data.npz", **kept), said


def raw(said: str, content: bytes) -> Case:
    """Return an ``.npz`` of any bytes."""
    return lambda folder: (folder / "data.npz").write_bytes(content), said


def zipped(said: str, **members: bytes) -> Case:
    """Return a zip archive with good labels and other members."""
    labels = io.BytesIO()
    np.save(labels, LABELS)

    def write(folder: Path) -> None:
        with zipfile.ZipFile(folder / "data.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in {"labels": labels.getvalue(), **members}.items():
                archive.writestr(f"{name}.npy", content)

    return write, said


def header(shape: str, kind: str = "|u1") -> bytes:
    """Return the beginning of an ``.npy`` file that has no data after it."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def future_zip(folder: Path) -> None:
    """Write a good ``.npz`` whose directory says that it needs version 6.4 of the zip format."""
    np.savez(folder / "data.npz", images=IMAGES, labels=LABELS)
    content = bytearray((folder / "data.npz").read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 64
    (folder / "data.npz").write_bytes(content)


NPZ: dict[str, Case] = {
    "no zip": raw("is not an .npz file", b"PK no more"),
    "nothing": raw("is not an .npz file", b""),
    "a bare array": raw("is not an .npz file", header("(8, 8, 8)") + bytes(512)),
    "the end of a zip": raw("", b"PK\x05\x06" + bytes(18)),
    "of a future version": (future_zip, "cannot be read (zip file version 6.4)"),
    "no images": arrays("has no array 'images'", images=None),
    "no labels": arrays("has no array 'labels'", labels=None),
    "objects": arrays("never objects", labels=np.array([{}] * 8, dtype=object)),
    "one label short": arrays("there must be one for each", labels=LABELS[:7]),
    "dates": arrays("labels must be integers or strings", labels=LABELS.astype("datetime64[s]")),
    "labels of numbers with points": arrays("labels must be integers or strings", labels=LABELS * 0.5),
    "structured pixels": arrays("pixels must be", images=np.zeros((8, 8, 8), [("r", "u1"), ("g", "u1")])),
    "pixels without end": arrays("all be finite", images=np.full((8, 8, 8), np.inf)),
    "one class": arrays("only the class", labels=LABELS * 0),
    "too many classes": arrays(
        "has 5,000 classes: refold takes at most 4,096",
        images=np.zeros((5_000, 8, 8), np.uint8),
        labels=np.arange(5_000),
    ),
    "too wide": arrays("refold takes at most 4,096", images=np.zeros((2, 8, 5_000), np.uint8), labels=[0, 1]),
    "names twice": arrays("the name 'a' is there twice", class_names=["a", "a"]),
    "names that are numbers": arrays("it must be [k] strings", class_names=[1, 2]),
    "a name with an escape code": arrays("1b", class_names=["a", "\x1b[31mb"]),
    "a label beyond the names": arrays("but with 1 classes", class_names=["a"]),
    "both kinds of names": arrays("keep one of them", class_names=["a", "b"], classes=["a", "b"]),
    "a header without data": zipped("cannot be read", images=header("(8, 8, 8)")),
    "a petabyte": zipped(
        "left, so set TMPDIR to a folder with more room, or use fewer or smaller images",
        images=header("(1000000000, 1000, 1000)"),
    ),
    "a shape beyond 64 bits": zipped("left, so set TMPDIR", images=header(f"({'9' * 40}, 8, 8)")),
    "a negative shape": zipped("'images'", images=header("(-8, 8, 8)")),
    "a shape in a shape": zipped("cannot be read", images=header("((8,), 8, 8)")),
    "code in a header": zipped("cannot be read", images=header("__import__('os').getpid()")),
    "an unknown type": zipped("cannot be read", images=header("(8, 8, 8)", "|z9")),
    "an array of no version": zipped("cannot be read", images=b"\x93NUMPY\x09\x00"),
    "no array": zipped("cannot be read", images=b"GIF89a"),
}


def pictures(said: str, **files: bytes) -> Case:
    """Return a folder of two classes with a good image each, and more files in the first class."""

    def write(folder: Path) -> None:
        for name in ("cat", "dog"):
            (folder / "data.npz" / name).mkdir(parents=True)
            (folder / "data.npz" / name / "good.png").write_bytes(png(8, 8))
        for name, content in files.items():
            (folder / "data.npz" / "cat" / name.replace("_", ".")).write_bytes(content)

    return write, said


def png(width: int, height: int, *, mode: str = "L") -> bytes:
    """Return a PNG file."""
    out = io.BytesIO()
    Image.new(mode, (width, height)).save(out, "PNG")
    return out.getvalue()


def claimed(width: int, height: int) -> bytes:
    """Return a small PNG file whose header claims another size, with the right checksum of that."""
    good = png(8, 8)
    chunk = b"IHDR" + struct.pack(">II", width, height) + good[24:29]
    return good[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + good[33:]


def other_folder(said: str, *names: str) -> Case:
    """Return a folder of folders (names that end in ``/``) and of links that lead to no file."""

    def write(folder: Path) -> None:
        (folder / "data.npz").mkdir()
        for name in names:
            path = folder / "data.npz" / name
            path.parent.mkdir(exist_ok=True)
            if name.endswith("/"):
                path.mkdir()
            else:
                path.symlink_to("/dev/zero" if path.suffix else "nothing")

    return write, said


FOLDERS: dict[str, Case] = {
    "no image in it": pictures("no PNG, JPEG, WebP, BMP or TIFF inside", bad_png=b"GIF89a"),
    "cut off": pictures("cannot be read", bad_png=png(8, 8)[:45]),
    "144 megapixels": pictures("has more than 80,000,000 pixels", bad_png=claimed(12_000, 12_000)),
    "85 megapixels": pictures("has more than 80,000,000 pixels", bad_png=claimed(8_500, 10_000)),
    "all pixels there are": pictures(
        "has more than 80,000,000 pixels", bad_png=claimed(2**31 - 1, 2**31 - 1)
    ),
    "no pixels": pictures("bad.png", bad_png=claimed(0, 0)),
    "JPEG without end": pictures("bad.jpg", bad_jpg=b"\xff\xd8\xff\xe0" + bytes(99)),
    "another size": pictures("images of 2 sizes", bad_png=png(9, 9)),
    "colour among grey": pictures("is colour", bad_png=png(8, 8, mode="RGB")),
    "a TIFF": pictures("no PNG, JPEG, WebP, BMP or TIFF inside", bad_tif=b""),
    "nothing in it": other_folder("has 0 class folders"),
    "one class": other_folder("has 1 class folders", "cat/"),
    "empty classes": other_folder("no PNG, JPEG, WebP, BMP or TIFF image", "cat/", "dog/"),
    "a device": other_folder("is a symbolic link that leaves the folder", "cat/x.png", "dog/x.png"),
    "links to nothing": other_folder("has 0 class folders", "cat", "dog"),
}


def idx(said: str, content: bytes, *, compressed: bool = True) -> Case:
    """Return files of Fashion-MNIST with good labels in Keras' cache."""

    def write(folder: Path) -> None:
        there = folder / "keras" / "datasets" / "fashion-mnist"
        there.mkdir(parents=True)
        packed = gzip.compress(content) if compressed else content
        (there / "train-images-idx3-ubyte.gz").write_bytes(packed)
        labels = struct.pack(">BBBBI", 0, 0, 8, 1, 2) + bytes([0, 1])
        (there / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))

    return write, said


def three(*sizes: int) -> bytes:
    """Return the beginning of an IDX file of three dimensions."""
    return struct.pack(">BBBBIII", 0, 0, 8, 3, *sizes)


IDX: dict[str, Case] = {
    "not compressed": idx("cannot be read", three(2, 28, 28) + bytes(2 * 784), compressed=False),
    "cut off": idx("is damaged", three(2, 28, 28) + bytes(99)),
    "too long": idx("is damaged", three(2, 28, 28) + bytes(2 * 784 + 1)),
    "another format": idx("is not an IDX file", b"nonsense"),
    "nothing": idx("is not an IDX file", b""),
    "no sizes": idx("is damaged", bytes([0, 0, 8, 3, 0])),
    "255 dimensions": idx("is not an IDX file", bytes([0, 0, 8, 255]) + bytes(4 * 255)),
    "an exabyte": idx("of memory: use fewer or smaller images", three(2**32 - 1, 2**32 - 1, 28)),
    "another shape": idx("hold no 28x28 images", three(2, 14, 56) + bytes(2 * 784)),
}


def code(said: str, source: str, **files: bytes) -> Case:
    """Return an architecture of the user's, with its ``source`` and files."""

    def write(folder: Path) -> None:
        np.savez(folder / "data.npz", images=IMAGES, labels=LABELS)
        with (folder / "sweep.toml").open("a") as sweep:
            sweep.write(f'[architectures.mine]\nsource = "{source}"\n')
        for name, content in files.items():
            (folder / f"{name}.py").write_bytes(content)

    return write, said


#: What is refused before a process is started for it; tests/trainer/architectures has what is refused there.
CODE: dict[str, Case] = {
    "no file": code("there is no file", "none.py:Net"),
    "a folder": code("must look like", ".:Net"),
    "no name": code("must look like", "net.py:"),
    "a name that is none": code("must look like", "net.py:a b"),
    "another ending": code("must look like", "net.txt:Net"),
    "null characters": code("source", "n\\u0000.py:Net"),
    "a long name": code("there is no file", f"{'n' * 300}.py:Net"),
    "megabytes": code("has more than 1,000,000 bytes", "net.py:Net", net=b"#" * 1_000_001),
    "not text": code("is not UTF-8 text", "net.py:Net", net=b"x = '\xff'"),
    "null bytes": code("has null characters", "net.py:Net", net=b"x = 1\x00"),
}


def ledger(said: str, change: Callable[[Path], object]) -> Case:
    """Return a home, with a good ledger that ``change`` spoils."""

    def write(folder: Path) -> None:
        home = folder / "refold-runs"
        home.mkdir()
        content = gzip.decompress((BEFORE_THE_MOVE / "ledger.sqlite.gz").read_bytes())
        (home / "ledger.sqlite").write_bytes(content)
        change(home / "ledger.sqlite")

    return write, said


def executed(*statements: str) -> Callable[[Path], None]:
    """Return a change of a ledger by SQL."""

    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    return change


def cut(path: Path) -> None:
    """Cut a file in half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def into_folder(path: Path) -> None:
    """Replace a file by a folder."""
    path.unlink()
    path.mkdir()


def broken_schema(path: Path) -> None:
    """Put bytes that are not UTF-8 into a table's definition."""
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE sweeps", b"CREATE TABLE \x80weeps", 1))


LEDGERS: dict[str, Case] = {
    "text": ledger("cannot be read as a ledger", lambda path: path.write_text("no database at all" * 99)),
    "nothing in it": ledger("no sweep has run with", lambda path: path.write_bytes(b"")),
    "cut in half": ledger("", cut),
    "a folder": ledger("cannot be read as a ledger", into_folder),
    "another program's": ledger("cannot be read as a ledger", executed("PRAGMA user_version = 0")),
    "newer": ledger("was written by a newer refold", executed("PRAGMA user_version = 99")),
    "negative": ledger("", executed("PRAGMA user_version = -5")),
    "without tables": ledger("is damaged", executed("DROP TABLE fits")),
    "identity": ledger("is damaged", executed("UPDATE sweeps SET identity = '['")),
    "deep JSON": ledger("is damaged", executed(f"UPDATE sweeps SET details = '{'[' * 99_999}'")),
    "long numbers": ledger("is damaged", executed(f"UPDATE sweeps SET dataset = '{'9' * 5_000}'")),
    "a list for a table": ledger("is damaged", executed("UPDATE sweeps SET environment = '[]'")),
    "hyperparameters that are null": ledger(
        "is damaged", executed("UPDATE proposals SET hyperparameters = 'null'")
    ),
    "hyperparameters in lists": ledger(
        "is damaged", executed("UPDATE proposals SET hyperparameters = '{\"dropout\": [1]}'")
    ),
    "a processor that is a text": ledger(
        "is damaged", executed("UPDATE sweeps SET environment = json_set(environment, '$.cpu', 'x')")
    ),
    "a name in a list": ledger(
        "is damaged", executed("UPDATE sweeps SET dataset = json_set(dataset, '$.name', json('[1]'))")
    ),
    "a schema that is no text": ledger("cannot be read as a ledger", broken_schema),
    "a fit that is none": ledger("is damaged", executed("UPDATE fits SET spec = '{}'")),
}


def model(said: str, content: bytes) -> Case:
    """Return the folder of an exported model, with what its ``model.json`` has."""

    def write(folder: Path) -> None:
        (folder / "model").mkdir()
        (folder / "model" / "model.json").write_bytes(content)
        (folder / "photo.png").write_bytes(png(8, 8))

    return write, said


MODELS: dict[str, Case] = {
    "nothing": model("model.json", b""),
    "not UTF-8": model("model.json", b"\xff"),
    "a list": model("model.json", b"[]"),
    "an empty table": model("model.json", b"{}"),
    "deep": model("model.json", b"[" * 99_999),
    "long numbers": model("model.json", b"9" * 5_000),
}
