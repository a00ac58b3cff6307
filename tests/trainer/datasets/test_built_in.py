"""The built-in datasets, read from fabricated caches and, where it is installed, from Debian's folder."""

import gzip
import pickle
import struct
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.whole_dataset import official, whole
from trainer.datasets import Dataset, DatasetSource, built_in
from trainer.errors import UsageError

DIGITS_FINGERPRINT = "a17f9c65881dcf225d35bd2636f7612d479e2378edf85501a9b7d293c2813ab6"
FASHION_FINGERPRINT = "a3a2557e4fe1817db5d3e1af0f951243263d3b5cefa00ac1e033383f06fa68fb"
FASHION_TEST_FINGERPRINT = "22ff9f24375046044ad2cd4db39ee0c77e059ce25e4098ec6a9751016850d334"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give every test an empty Keras cache, no Debian folder and no Keras."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(built_in, "DEBIAN_FASHION", tmp_path / "debian")
    monkeypatch.setitem(sys.modules, "keras", None)
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True)
    return folder


def split(count: Any, seed: int, shape: Any = (28, 28)) -> Any:
    """Return images and labels of ten classes."""
    images = np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)
    return images, (np.arange(count) % 10).astype(np.uint8)


def write_idx(path: Path, array: Any) -> None:
    """Write a gzipped IDX file as Yann LeCun defined it."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(header + array.tobytes(), compresslevel=1))


def write_fashion(folder: Path, *, parts: Any = ("train", "t10k")) -> None:
    """Write Fashion-MNIST's files in small: 40 images to train on, 20 to test."""
    for part in parts:
        images, labels = split(40 if part == "train" else 20, seed=len(part))
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)


def write_mnist(path: Path) -> None:
    """Write Keras' mnist.npz in small."""
    (x_train, y_train), (x_test, y_test) = split(30, 1), split(10, 2)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def both(source: str) -> tuple[Dataset, Dataset]:
    """Return a dataset and its official test set."""
    test = official(DatasetSource(source=source))
    assert test is not None
    return whole(DatasetSource(source=source)), test


def fake_keras(monkeypatch: pytest.MonkeyPatch, name: str, load_data: Any) -> None:
    """Put a Keras in place whose dataset ``name`` is loaded by ``load_data``."""
    keras: Any = types.ModuleType("keras")
    keras.datasets = types.SimpleNamespace(**{name: types.SimpleNamespace(load_data=load_data)})
    monkeypatch.setitem(sys.modules, "keras", keras)


def offline() -> None:
    """Fail as Keras does without a network."""
    raise Exception(
        "URL fetch failure on https://example.org: None -- \n[Errno -2] Name or service not known"
    )


def refusal(name: str, call: Any = whole) -> Any:
    """Return the one line that refuses the built-in dataset."""
    with pytest.raises(UsageError) as caught:
        call(DatasetSource(source=name))
    assert str(caught.value).isprintable(), "one line"
    return str(caught.value)


def test_digits_are_whole_numbers_and_the_same_everywhere() -> None:
    """Digits are 1,797 images of 8x8x1, uint8 0 to 16, and their fingerprint is pinned."""
    digits = whole(DatasetSource(source="digits"))
    assert digits.images.dtype == np.uint8
    assert digits.images.shape == (1797, 8, 8, 1)
    assert digits.labels.dtype == np.int32
    assert digits.images.max() == digits.pixel_max == 16.0
    assert digits.classes == tuple("0123456789")
    assert digits.fingerprint == DIGITS_FINGERPRINT


def test_mnist_is_read_from_the_cache_without_keras(cache: Any) -> None:
    """Both parts come from mnist.npz, apart."""
    write_mnist(cache / "mnist.npz")
    training, test = both("mnist")
    assert np.array_equal(training.images[..., 0], split(30, 1)[0])
    assert np.array_equal(test.images[..., 0], split(10, 2)[0])
    assert training.input_shape == test.input_shape == (28, 28, 1)
    assert training.labels.tolist() == [*range(10)] * 3
    assert (training.classes, training.pixel_max) == (test.classes, test.pixel_max)


@pytest.mark.parametrize("home", ["keras/datasets/fashion-mnist", "debian"])
def test_fashion_is_read_from_either_folder_without_keras(tmp_path: Path, home: Any) -> None:
    """Keras' cache and Debian's folder give the same data."""
    write_fashion(tmp_path / home)
    training, test = both("fashion_mnist")
    assert np.array_equal(training.images[..., 0], split(40, len("train"))[0])
    assert np.array_equal(test.images[..., 0], split(20, len("t10k"))[0])
    assert training.classes[0] == "T-shirt/top"
    assert training.classes[9] == "Ankle boot"


def test_keras_cache_comes_before_debian(tmp_path: Path, cache: Any) -> None:
    """What is in the cache is used although Debian's folder is there."""
    write_fashion(cache / "fashion-mnist")
    for name in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"):
        (tmp_path / "debian").mkdir(exist_ok=True)
        (tmp_path / "debian" / name).write_bytes(b"never opened")
    assert len(whole(DatasetSource(source="fashion_mnist")).labels) == 40


def test_half_a_cache_is_passed_over(tmp_path: Path, cache: Any) -> None:
    """A cache with images and no labels is none; the next place is asked."""
    write_fashion(tmp_path / "debian")
    write_idx(cache / "fashion-mnist" / "train-images-idx3-ubyte.gz", split(10, 0)[0])
    assert len(whole(DatasetSource(source="fashion_mnist")).labels) == 40


def test_default_cache_is_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without KERAS_HOME the cache is ~/.keras, as Keras has it."""
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".keras/datasets").mkdir(parents=True)
    write_mnist(tmp_path / ".keras/datasets/mnist.npz")
    assert len(whole(DatasetSource(source="mnist")).labels) == 30


@pytest.mark.parametrize("call", [whole, official])
@pytest.mark.parametrize("name", ["fashion_mnist", "mnist", "cifar10"])
def test_offline_says_where_it_looked_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, cache: Any, name: str, call: Any
) -> None:
    """A failed download is one line: places, reason, remedy."""
    fake_keras(monkeypatch, name, offline)
    message = refusal(name, call)
    assert str(cache) in message
    assert "Name or service not known" in message
    assert "network" in message
    assert ("apt-get install dataset-fashion-mnist" in message) == (name == "fashion_mnist")


def test_missing_keras_is_no_traceback() -> None:
    """Even a Keras that cannot be imported is one line."""
    assert "cifar10 is not on this machine" in refusal("cifar10")


@pytest.mark.parametrize(("name", "shape"), [("cifar10", (32, 32, 3)), ("mnist", (28, 28))])
def test_download_through_keras_keeps_standard_output_clean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, shape: Any
) -> None:
    """What Keras downloads is used, each part for its call, and progress goes to standard error."""
    training, test = split(30, 1, shape), split(20, 2, shape)

    def load_data() -> Any:
        print("Downloading data")
        return tuple((images, labels[:, np.newaxis]) for images, labels in (training, test))

    fake_keras(monkeypatch, name, load_data)
    assert np.array_equal(whole(DatasetSource(source=name)).images.squeeze(), training[0])
    assert np.array_equal(both(name)[1].images.squeeze(), test[0])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Downloading data" in captured.err


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda _: b"",
        lambda _: b"no gzip at all",
        lambda _: gzip.compress(b"\0\0\x08"),
        lambda _: gzip.compress(b"\0\0\x08\x03\0\0"),
        lambda content: gzip.compress(gzip.decompress(content)[:-1]),
        lambda content: gzip.compress(b"\0\0\x0d\x01" + gzip.decompress(content)[4:]),
        lambda content: content[:40] + b"\xff\xff\xff\xff" + content[44:],
    ],
    ids=["cut", "empty", "text", "no header", "short header", "one byte short", "floats", "flipped bits"],
)
def test_damaged_idx_file_is_named(cache: Any, damage: Any) -> None:
    """A damaged file in a cache is named, never passed over or half used."""
    write_fashion(cache / "fashion-mnist")
    path = cache / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    assert str(path) in refusal("fashion_mnist")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", pickle.dumps([1])])
def test_damaged_mnist_is_named(cache: Any, content: Any) -> None:
    """A damaged mnist.npz is named, and the line says to delete it."""
    (cache / "mnist.npz").write_bytes(content)
    message = refusal("mnist")
    assert str(cache / "mnist.npz") in message
    assert "delete" in message


def test_cut_mnist_is_named(cache: Any) -> None:
    """A mnist.npz whose content fails its checksum is named."""
    write_mnist(cache / "mnist.npz")
    content = bytearray((cache / "mnist.npz").read_bytes())
    content[2000:2100] = bytes(100)
    (cache / "mnist.npz").write_bytes(content)
    assert "delete" in refusal("mnist")


@pytest.mark.parametrize(
    "arrays",
    [
        {"x_train": np.zeros((20, 14, 56), np.uint8), "y_train": np.arange(20) % 10},
        {"x_train": np.zeros((20, 28, 28), np.uint8), "y_train": np.arange(19) % 10},
        {"x_train": np.zeros((20, 28, 28)), "y_train": np.arange(20) % 10},
        {"x_train": np.zeros((20, 28, 28), np.uint8), "y_train": np.arange(20) % 11},
        {"x_train": np.zeros((20, 28, 28), np.uint8), "y_train": np.arange(20) / 2},
        {"images": np.zeros((20, 28, 28), np.uint8)},
    ],
    ids=["size", "count", "floats", "eleven classes", "float labels", "other arrays"],
)
def test_cache_that_is_not_mnist_is_refused(cache: Any, arrays: Any) -> None:
    """A mnist.npz that holds something else is not taken for MNIST."""
    np.savez(cache / "mnist.npz", **arrays)
    assert "mnist" in refusal("mnist")


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_debian_has_the_real_fashion_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's folder gives 60,000 and 10,000 images, the same ones everywhere."""
    monkeypatch.setattr(built_in, "DEBIAN_FASHION", DEBIAN)
    training, test = both("fashion_mnist")
    assert training.images.shape == (60000, 28, 28, 1)
    assert np.bincount(training.labels).tolist() == [6000] * 10
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert training.fingerprint == FASHION_FINGERPRINT
    assert test.fingerprint == FASHION_TEST_FINGERPRINT
