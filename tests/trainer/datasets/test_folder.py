"""Folders of class folders: order, colour, size, orientation, and one line for everything else."""

import io
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainer.datasets import DatasetSource, load
from trainer.errors import UsageError
from trainer.names import rule_for_recorded

ORIENTATION = 0x0112
# The same little scene, seen through each of EXIF's eight orientations.
AS_STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: np.swapaxes(upright, 0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.swapaxes(upright[::-1, ::-1], 0, 1),
    8: lambda upright: np.rot90(upright, -1),
}


def scene(seed: int = 0, height: Any = 8, width: Any = 10, channels: Any = None) -> Any:
    """Return random pixels; grey without ``channels``."""
    shape = (height, width) if channels is None else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, pixels: Any, **options: Any) -> Any:
    """Save an image under a path, with the folders it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    """Return a good folder: two cats and a dog, grey, 8 high and 10 wide."""
    save(tmp_path / "pets/dog/1.png", scene(3))
    save(tmp_path / "pets/cat/b.png", scene(2))
    save(tmp_path / "pets/cat/a.png", scene(1))
    return tmp_path / "pets"


def loaded(folder: Path, **settings: Any) -> Any:
    """Load a folder."""
    return load(DatasetSource(source=folder.name, **settings), base=folder.parent)


def refusal(folder: Path, **settings: Any) -> Any:
    """Return the one line that refuses a folder."""
    with pytest.raises(UsageError) as caught:
        loaded(folder, **settings)
    message = str(caught.value)
    assert message.isprintable(), "one line"
    return message


def test_classes_and_files_are_sorted_by_name(folder: Path) -> None:
    """Class names are the folders' names; the order is by class, then by file name."""
    dataset = loaded(folder)
    assert dataset.name == "pets"
    assert dataset.classes == ("cat", "dog")
    assert dataset.labels.tolist() == [0, 0, 1]
    assert dataset.labels.dtype == np.int32
    assert dataset.images.shape == (3, 8, 10, 1)
    assert dataset.images.dtype == np.uint8
    assert dataset.pixel_max == 255.0
    for image, seed in zip(dataset.images, (1, 2, 3), strict=True):
        assert np.array_equal(image[..., 0], scene(seed))


def test_order_does_not_depend_on_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever order the file system lists in, the dataset is the same."""
    before = loaded(folder).fingerprint
    scandir = os.scandir

    class Reversed:
        def __init__(self, path: Path) -> None:
            self.entries = scandir(path)

        def __enter__(self) -> Any:
            return reversed(list(self.entries))

        def __exit__(self, *_: Any) -> None:
            self.entries.close()

    monkeypatch.setattr("trainer.datasets.folder.os.scandir", Reversed)
    assert loaded(folder).fingerprint == before


def test_what_is_left_out(folder: Path) -> None:
    """Hidden files and folders, files of other kinds and files beside the class folders do not count."""
    before = loaded(folder).fingerprint
    save(folder / ".hidden/x.png", scene(9))
    save(folder / "cat/.x.png", scene(9))
    save(folder / "beside.png", scene(9))
    for name in ("README.md", "cat/labels.csv", "cat/Thumbs.db", "cat/no_suffix", "dog/.broken.png"):
        (folder / name).write_text("text")
    assert loaded(folder).fingerprint == before


@pytest.mark.parametrize("name", ["x.PNG", "x.jpg", "x.JPG", "x.Jpeg"])
def test_suffixes_in_any_case(folder: Path, name: str) -> None:
    """PNG and JPEG are read whatever the case of their suffix."""
    save(folder / "dog" / name, scene(5))
    assert len(loaded(folder).labels) == 4


@pytest.mark.parametrize("name", ["x.gif", "x.TIFF", "x.bmp", "x.webp"])
def test_images_of_other_kinds_are_refused(folder: Path, name: str) -> None:
    """An image that would be left out is an error, not silence."""
    (folder / "dog" / name).write_bytes(b"")
    message = refusal(folder)
    assert name in message
    assert "convert" in message


def test_jpeg_pixels_are_pillows(folder: Path) -> None:
    """A JPEG arrives as Pillow decodes it."""
    path = save(folder / "dog/2.jpg", scene(5), quality=90)
    assert np.array_equal(loaded(folder).images[-1, ..., 0], np.asarray(Image.open(path)))


@pytest.mark.parametrize("classes", [0, 1])
def test_two_classes_are_needed(tmp_path: Path, classes: Any) -> None:
    """A folder with fewer than two class folders is refused."""
    (tmp_path / "pets").mkdir()
    for number in range(classes):
        save(tmp_path / f"pets/{number}/a.png", scene())
    assert f"has {classes} class folders" in refusal(tmp_path / "pets")


def test_empty_class_folder_is_named(folder: Path) -> None:
    """A class folder without an image is named."""
    (folder / "emu").mkdir()
    (folder / "emu/notes.txt").write_text("none yet")
    message = refusal(folder)
    assert str(folder / "emu") in message
    assert "no PNG or JPEG" in message


def test_folders_in_class_folders_are_refused(folder: Path) -> None:
    """A level too deep (train/cat/...) is named rather than half read."""
    save(folder / "cat/more/x.png", scene())
    assert "'more'" in refusal(folder)


@pytest.mark.parametrize(
    ("name", "says"), [("a\nb", "U+000A"), (os.fsdecode(b"caf\xe9"), "not UTF-8"), ("a\u202eb", "U+202E")]
)
def test_class_names_must_be_readable(folder: Path, name: str, says: str) -> None:
    """A name with something in it that cannot be seen is refused, and the character is named."""
    save(folder / name / "x.png", scene())
    assert says in refusal(folder)


def test_a_folder_from_another_system_has_the_same_classes(folder: Path, tmp_path: Path) -> None:
    """Names in decomposed form, as macOS writes them, are the same classes in the same order."""
    save(folder / "e\u0301toile/x.png", scene())
    save(tmp_path / "there/pets/dog/1.png", scene(3))
    save(tmp_path / "there/pets/cat/b.png", scene(2))
    save(tmp_path / "there/pets/cat/a.png", scene(1))
    save(tmp_path / "there/pets/\u00e9toile/x.png", scene())
    there = loaded(tmp_path / "there/pets")
    assert loaded(folder).classes == there.classes == ("cat", "dog", "\u00e9toile")
    assert loaded(folder).fingerprint == there.fingerprint
    save(folder / "\u00e9toile/x.png", scene())
    assert "are one name" in refusal(folder)


def test_recorded_class_names_are_loaded_as_they_were(folder: Path) -> None:
    """To be compared with a record, folders keep the names and the order that older versions gave them."""
    save(folder / "e\u0301toile/x.png", scene())
    save(folder / "a\u202eb/x.png", scene())
    rule = rule_for_recorded(["e\u0301toile"])
    again = load(DatasetSource(source=folder.name), base=folder.parent, class_name=rule)
    assert again.classes == ("a\u202eb", "cat", "dog", "e\u0301toile")


def test_sizes_that_differ_are_listed(folder: Path) -> None:
    """Without image_size, the sizes met are listed with counts, most frequent first, and the remedy named."""
    for number in range(6):
        save(folder / f"dog/big{number}.png", scene(height=20 + number, width=30))
    message = refusal(folder)
    assert "7 sizes, height x width: 8x10 (3 images), 20x30 (1 image)" in message
    assert "…" in message
    assert "set image_size = [8, 10]" in message


def test_image_size_resizes_by_the_stated_filter(folder: Path) -> None:
    """Images are brought to (height, width) with Pillow's bilinear filter; right ones stay as they are."""
    save(folder / "dog/2.png", scene(4, height=31, width=17))
    dataset = loaded(folder, image_size=(8, 10))
    expected = Image.fromarray(scene(4, height=31, width=17)).resize((10, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(dataset.images[-1, ..., 0], np.asarray(expected))
    assert np.array_equal(dataset.images[0, ..., 0], scene(1))
    assert loaded(folder, image_size=(12, 9)).input_shape == (12, 9, 1)


@pytest.mark.parametrize("image_size", [(0, 10), (10, 7), (-8, 8)])
def test_impossible_image_size_is_refused(folder: Path, image_size: Any) -> None:
    """A size below 8x8 is refused before anything is read."""
    assert "image_size" in refusal(folder, image_size=image_size)


def test_images_below_8x8_are_refused(tmp_path: Path) -> None:
    """The smallest image is 8x8."""
    for name in ("a", "b"):
        save(tmp_path / "tiny" / name / "x.png", scene(height=8, width=7))
    assert "8x7" in refusal(tmp_path / "tiny")


def test_all_colour_is_rgb(tmp_path: Path) -> None:
    """Colour images arrive as they are."""
    for seed, name in enumerate("ab"):
        save(tmp_path / "c" / name / "x.png", scene(seed, channels=3))
    dataset = loaded(tmp_path / "c")
    assert dataset.input_shape == (8, 10, 3)
    assert np.array_equal(dataset.images[1], scene(1, channels=3))


def test_mixed_colours_are_refused_until_said(folder: Path) -> None:
    """Grey beside colour names one of each; ``colour`` settles it."""
    path = save(folder / "dog/2.png", scene(4, channels=3))
    message = refusal(folder)
    assert str(path) in message
    assert str(folder / "cat/a.png") in message
    assert "set colour" in message
    rgb, grey = (loaded(folder, colour=colour).images for colour in ("rgb", "grey"))
    assert np.array_equal(rgb[-1], scene(4, channels=3))
    assert np.array_equal(rgb[0], np.repeat(scene(1)[..., np.newaxis], 3, axis=-1))
    assert np.array_equal(grey[0, ..., 0], scene(1))
    luma = scene(4, channels=3) @ [0.299, 0.587, 0.114]
    assert np.abs(grey[-1, ..., 0] - luma).max() <= 1


def test_unknown_colour_is_refused(folder: Path) -> None:
    """Only grey and rgb are colours."""
    assert "'grey' or 'rgb'" in refusal(folder, colour="gray")


@pytest.mark.parametrize(
    ("image", "grey"),
    [
        (Image.fromarray(scene(5)).convert("1"), True),
        (Image.merge("LA", [Image.fromarray(scene(5)), Image.new("L", (10, 8), 255)]), True),
        (Image.fromarray(scene(5, channels=3)).quantize(16), False),
        (Image.fromarray(scene(5, channels=3)).convert("RGBA"), False),
    ],
    ids=["one bit", "grey with alpha", "palette", "colour with alpha"],
)
def test_stored_kinds_of_png(folder: Path, image: Any, grey: Any) -> None:
    """One bit and opaque alpha are read; a palette is colour; grey and colour go by the file's kind."""
    save(folder / "dog/2.png", image)
    if not grey:
        assert "is colour" in refusal(folder)
    found = loaded(folder, colour="grey" if grey else "rgb").images[-1]
    expected = np.asarray(image.convert("L" if grey else "RGB")).reshape(8, 10, -1)
    assert np.array_equal(found, expected)


def test_cmyk_jpeg_is_colour(tmp_path: Path) -> None:
    """A JPEG for print is read as colour."""
    for name in "ab":
        save(
            tmp_path / "c" / name / "x.jpg", Image.fromarray(scene(0, channels=4), mode=None).convert("CMYK")
        )
    assert loaded(tmp_path / "c").input_shape == (8, 10, 3)


@pytest.mark.parametrize("kind", ["alpha", "palette", "key colour"])
def test_transparent_pixels_are_refused(folder: Path, kind: Any) -> None:
    """What lies behind transparent pixels is undefined, so the image is named."""
    if kind == "alpha":
        path = save(folder / "dog/2.png", scene(4, channels=4))
    elif kind == "palette":
        path = save(
            folder / "dog/2.png", Image.fromarray(scene(4, channels=3)).quantize(4), transparency=b"\xff\x00"
        )
    else:
        path = save(folder / "dog/2.png", scene(4), transparency=int(scene(4)[0, 0]))
    message = refusal(folder, colour="rgb")
    assert str(path) in message
    assert "transparent" in message


def png_of_16_bits(channels: Any) -> Any:
    """Return a PNG file of 8x10 pixels with 16 bits a channel."""

    def chunk(kind: Any, content: Any) -> Any:
        checksum = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + checksum

    header = (
        (10).to_bytes(4, "big") + (8).to_bytes(4, "big") + bytes([16, 0 if channels == 1 else 2, 0, 0, 0])
    )
    rows = bytes(8 * (1 + 10 * 2 * channels))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_refused(folder: Path, channels: Any) -> None:
    """16 bits a channel are not silently cut to 8."""
    content = png_of_16_bits(channels)
    Image.open(io.BytesIO(content)).load()
    (folder / "dog/2.png").write_bytes(content)
    message = refusal(folder, colour="grey")
    assert "16 bits" in message
    assert "2.png" in message


@pytest.mark.parametrize("orientation", AS_STORED)
def test_orientation_is_applied(tmp_path: Path, orientation: Any) -> None:
    """However the camera was held, the image stands upright and its size is the upright one."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    for name in "ab":
        stored = np.ascontiguousarray(AS_STORED[orientation](scene()))
        save(tmp_path / "c" / name / "x.png", stored, exif=exif)
    dataset = loaded(tmp_path / "c")
    assert dataset.input_shape == (8, 10, 1)
    assert np.array_equal(dataset.images[0, ..., 0], scene())


def test_orientation_of_jpeg_counts_for_the_size(folder: Path) -> None:
    """A JPEG lying on its side has the size of the others once upright."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    save(folder / "dog/2.jpg", np.ascontiguousarray(np.rot90(scene(5))), exif=exif)
    assert loaded(folder).input_shape == (8, 10, 1)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0MM\0*\0\0\0\x08", b"\xff"])
def test_exif_without_sense_is_no_orientation(folder: Path, exif: Any) -> None:
    """Damaged EXIF leaves the image as it is stored."""
    save(folder / "dog/2.jpg", scene(5), exif=exif)
    assert len(loaded(folder).labels) == 4


DAMAGES = {
    "empty": lambda _: b"",
    "text": lambda _: b"<html>404 Not Found</html>",
    "cut": lambda content: content[: len(content) * 2 // 3],
    "header only": lambda content: content[:30],
    "another format": lambda content: b"GIF89a" + content[6:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_damaged_image_is_named(folder: Path, suffix: Any, damage: Any) -> None:
    """A damaged file is named, wherever in it the damage lies."""
    path = save(folder / f"dog/broken.{suffix}", scene(5))
    path.write_bytes(damage(path.read_bytes()))
    assert str(path) in refusal(folder)


def test_flipped_bits_in_a_png_are_noticed(folder: Path) -> None:
    """A PNG whose pixels do not match its checksum is named."""
    path = save(folder / "dog/broken.png", scene(5))
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 20] ^= 0xFF
    path.write_bytes(content)
    assert str(path) in refusal(folder)


def test_first_of_several_damaged_images_is_named(folder: Path) -> None:
    """With several damaged files it is always the first, though they are read in parallel."""
    for number in range(20):
        (folder / f"dog/broken{number:02}.png").write_bytes(b"")
    assert "broken00.png" in refusal(folder)


def test_huge_image_is_no_traceback(folder: Path) -> None:
    """A file that claims billions of pixels is refused by its header."""
    content = bytearray((folder / "dog/1.png").read_bytes())
    content[16:24] = (60000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    (folder / "dog/2.png").write_bytes(content)
    assert "2.png" in refusal(folder)


def test_links_are_followed(folder: Path, tmp_path: Path) -> None:
    """A link to an image or to a class folder counts as what it leads to."""
    (folder / "dog/2.png").symlink_to(folder / "cat/a.png")
    save(tmp_path / "elsewhere/x.png", scene(7))
    (folder / "emu").symlink_to(tmp_path / "elsewhere")
    assert loaded(folder).labels.tolist() == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("target", ["2.png", "gone.png"])
def test_links_to_nowhere_are_named(folder: Path, target: Any) -> None:
    """A link in a circle, or to nothing, that claims to be an image is named."""
    (folder / "dog/2.png").symlink_to(target)
    assert "2.png" in refusal(folder)


def test_circular_folders_are_no_traceback(folder: Path) -> None:
    """A class folder that leads back up is refused; one that leads to itself is none."""
    (folder / "self").symlink_to("self")
    assert loaded(folder).classes == ("cat", "dog")
    (folder / "up").symlink_to(folder)
    assert "holds a folder" in refusal(folder)


def test_pipe_is_not_waited_for(folder: Path) -> None:
    """A pipe with an image's name is refused at once."""
    os.mkfifo(folder / "dog/2.png")
    assert "2.png" in refusal(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["dog", "dog/1.png"])
def test_unreadable_is_named(folder: Path, name: str) -> None:
    """What may not be read is named."""
    (folder / name).chmod(0)
    try:
        assert str(folder / name) in refusal(folder)
    finally:
        (folder / name).chmod(0o700)


def test_folder_that_vanishes_is_no_traceback(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails while listing is one line."""

    def failing(path: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("trainer.datasets.folder.os.scandir", failing)
    assert "Input/output error" in refusal(folder)
