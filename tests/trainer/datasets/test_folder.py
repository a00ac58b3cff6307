"""Folders of class folders: order, colour, size, orientation, and one line for everything else."""

import io
import os
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.whole_dataset import whole
from trainer.datasets import DatasetSource, large, read
from trainer.datasets.problems import SourceProblems
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
    return whole(DatasetSource(source=folder.name, **settings), base=folder.parent)


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


@pytest.mark.parametrize("name", ["x.gif", "x.HEIC", "x.svg"])
def test_images_of_other_kinds_are_refused(folder: Path, name: str) -> None:
    """An image that would be left out is an error, not silence."""
    (folder / "dog" / name).write_bytes(b"")
    message = refusal(folder)
    assert name in message
    assert "convert" in message


@pytest.mark.parametrize("name", ["x.webp", "x.BMP", "x.tif", "x.tiff"])
def test_lossless_formats_give_the_same_pixels(folder: Path, name: str) -> None:
    """WebP, BMP and TIFF are read like PNG."""
    save(folder / "dog" / name, scene(5, channels=3), **({"lossless": True} if "webp" in name else {}))
    assert np.array_equal(loaded(folder, colour="rgb").images[-1], scene(5, channels=3))


def test_an_animation_is_refused(folder: Path) -> None:
    """Which of its pictures counts is for the user to say."""
    pictures = [Image.fromarray(scene(seed)) for seed in (1, 2)]
    pictures[0].save(folder / "dog/moving.webp", save_all=True, append_images=pictures[1:])
    assert "'dog/moving.webp': it has several pictures" in refusal(folder)


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
    assert "'emu'" in message
    assert "no PNG, JPEG, WebP, BMP or TIFF" in message


def test_folders_inside_class_folders_belong_to_the_class(folder: Path) -> None:
    """Nested images are the class's, named by their path; a level of folders may be their group."""
    save(folder / "cat/p1/x.png", scene(5))
    save(folder / "cat/p2/deep/y.png", scene(6))
    found = read(DatasetSource(source=folder.name), base=folder.parent)
    assert found.paths == ("cat/a.png", "cat/b.png", "cat/p1/x.png", "cat/p2/deep/y.png", "dog/1.png")
    assert found.labels.tolist() == [0, 0, 0, 0, 1]
    message = refusal(folder, groups=1)
    assert "groups = 1 finds a folder at that level for only 2 of 5 images, not for 'cat/a.png'" in message


def test_groups_are_a_pattern_or_a_level(tmp_path: Path) -> None:
    """Both give each image its group by name; images of one name are one group whatever their class."""
    for number, name in enumerate(("cat/p1/1.png", "cat/p2/2.png", "dog/p1/3.png", "dog/p3/4.png")):
        save(tmp_path / "pets" / name, scene(number))
    for groups in (1, r"/(p\d)/"):
        found = read(DatasetSource(source="pets", groups=groups), base=tmp_path)
        assert found.group_of == ("p1", "p2", "p1", "p3")


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(", "is no regular expression"),
        ("cat", "has 0 parts in parentheses"),
        ("(c)(a)", "has 2 parts in parentheses"),
        ("(p[0-9]+)_", "matches the path of no image, such as 'cat/a.png'"),
        ("(a)[.]png", "matches only 1 of 3 images, not for 'cat/b.png', 'dog/1.png'"),
    ],
)
def test_patterns_that_are_no_groups(folder: Path, pattern: str, says: str) -> None:
    """One line: what is wrong with the pattern, and which images it misses."""
    assert says in refusal(folder, groups=pattern)


def test_train_and_test_are_not_classes(folder: Path, tmp_path: Path) -> None:
    """A folder with both has an official test set, which is the exam; validation images are refused."""
    for part in ("train", "test"):
        shutil.copytree(folder, tmp_path / "split" / part)
    found = read(DatasetSource(source="split"), base=tmp_path)
    assert found.classes == ("cat", "dog")
    assert found.test.tolist() == [False] * 3 + [True] * 3
    assert found.paths[0] == "train/cat/a.png"
    shutil.copytree(folder, tmp_path / "split/val")
    assert "has the folder 'val' beside 'train'" in refusal(tmp_path / "split")
    shutil.rmtree(tmp_path / "split/val")
    (tmp_path / "split/test/dog").rename(tmp_path / "split/test/emu")
    assert "'test/emu': no such class folder in 'train'" in refusal(tmp_path / "split")


def test_what_systems_leave_in_folders_is_ignored(folder: Path) -> None:
    """Neither a class nor an image."""
    before = loaded(folder).fingerprint
    for name in ("__MACOSX/._x.png", "cat/.DS_Store", "cat/Thumbs.db", "dog/@eaDir/x.png", "dog/desktop.ini"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"junk")
    assert loaded(folder).fingerprint == before


@pytest.mark.parametrize("twin", ["Cat", "c-at", "CAT_"])
def test_two_spellings_of_a_class_are_refused(folder: Path, twin: str) -> None:
    """They are one class to a person, and would be two to the network."""
    save(folder / twin / "x.png", scene(5))
    message = refusal(folder)
    assert "two spellings of one class" in message
    assert twin in message


def test_all_that_is_wrong_comes_at_once(folder: Path) -> None:
    """One message names several, an attribute has all; what cannot be read may be left out, nothing else."""
    for number in range(6):
        (folder / f"dog/broken{number}.png").write_bytes(b"nonsense")
    save(folder / "dog/large.png", scene(5, height=20))
    with pytest.raises(SourceProblems) as caught:
        loaded(folder)
    assert len(caught.value.problems) == 7
    assert "3 more problems" in str(caught.value)
    assert "images of 2 sizes" in refusal(folder, unreadable="leave-out")
    (folder / "dog/large.png").unlink()
    found = read(DatasetSource(source=folder.name, unreadable="leave-out"), base=folder.parent)
    assert found.paths == ("cat/a.png", "cat/b.png", "dog/1.png")
    assert "6 files left out because they cannot be read: 'dog/broken0.png'" in found.notes[0]


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
    again = whole(DatasetSource(source=folder.name), base=folder.parent, class_name=rule)
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
    assert path.relative_to(folder).as_posix() in message
    assert "cat/a.png" in message
    assert "set colour" in message
    rgb, grey = (loaded(folder, colour=colour).images for colour in ("rgb", "grey"))
    assert np.array_equal(rgb[-1], scene(4, channels=3))
    assert np.array_equal(rgb[0], np.repeat(scene(1)[..., np.newaxis], 3, axis=-1))
    assert np.array_equal(grey[0, ..., 0], scene(1))
    luma = scene(4, channels=3) @ [0.299, 0.587, 0.114]
    assert np.abs(grey[-1, ..., 0] - luma).max() <= 1


@pytest.mark.parametrize("fit", ["pad", "crop"])
def test_proportions_may_be_kept(folder: Path, fit: Any) -> None:
    """Padded with black, or cropped around the middle; by Pillow's own functions."""
    save(folder / "dog/2.png", scene(4, height=16, width=40))
    found = loaded(folder, image_size=(8, 10), fit=fit).images[-1, ..., 0]
    image = Image.fromarray(scene(4, height=16, width=40))
    whole = {"pad": ImageOps.pad, "crop": ImageOps.fit}[fit](image, (10, 8), Image.Resampling.BILINEAR)
    assert np.array_equal(found, np.asarray(whole))
    if fit == "pad":
        assert not found[:2].any()


def test_many_images_are_in_a_file_with_the_same_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether images are in memory or mapped from a file changes nothing, and leaves no file behind."""
    in_memory = loaded(folder)
    monkeypatch.setattr(large, "IN_MEMORY", 100)
    mapped = loaded(folder)
    assert isinstance(mapped.images, np.memmap)
    assert mapped.fingerprint == in_memory.fingerprint


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
def test_transparent_pixels_are_laid_on_white(folder: Path, kind: Any) -> None:
    """As on paper, and it is said; a note counts the images."""
    if kind == "alpha":
        path = save(folder / "dog/2.png", scene(4, channels=4))
    elif kind == "palette":
        path = save(
            folder / "dog/2.png", Image.fromarray(scene(4, channels=3)).quantize(4), transparency=b"\xff\x00"
        )
    else:
        path = save(folder / "dog/2.png", scene(4), transparency=int(scene(4)[0, 0]))
    found = read(DatasetSource(source=folder.name, colour="rgb"), base=folder.parent)
    assert found.notes == ("1 image with transparent pixels: they were laid on white",)
    pixels = np.asarray(Image.open(path).convert("RGBA")).astype(float)
    alpha = pixels[..., 3:] / 255
    assert np.abs(found.images[-1] - (pixels[..., :3] * alpha + 255 * (1 - alpha))).max() <= 1


def png_of_16_bits(channels: Any) -> Any:
    """Return a PNG file of 8x10 pixels with 16 bits a channel."""

    def chunk(kind: Any, content: Any) -> Any:
        checksum = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + checksum

    header = (
        (10).to_bytes(4, "big") + (8).to_bytes(4, "big") + bytes([16, 0 if channels == 1 else 2, 0, 0, 0])
    )
    rows = (b"\x00" + b"\xab\xcd" * 10 * channels) * 8
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_of_16_bits_the_upper_8_are_taken(folder: Path, channels: Any) -> None:
    """In grey as in colour, where Pillow does it; a note counts the images."""
    content = png_of_16_bits(channels)
    Image.open(io.BytesIO(content)).load()
    (folder / "dog/2.png").write_bytes(content)
    found = read(DatasetSource(source=folder.name, colour="grey"), base=folder.parent)
    assert found.notes == ("1 image with 16 bits a channel: the upper 8 were taken",)
    assert (found.images[-1] == 0xAB).all()


@pytest.mark.parametrize(("mode", "says"), [("I", "32 bits a pixel"), ("F", "floating-point pixels")])
def test_deeper_pixels_are_refused(folder: Path, mode: str, says: str) -> None:
    """Nobody can say which 8 bits matter."""
    Image.fromarray(scene(4)).convert(mode).save(folder / "dog/2.tiff")
    assert says in refusal(folder)


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
    assert path.relative_to(folder).as_posix() in refusal(folder)


def test_flipped_bits_in_a_png_are_noticed(folder: Path) -> None:
    """A PNG whose pixels do not match its checksum is named."""
    path = save(folder / "dog/broken.png", scene(5))
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 20] ^= 0xFF
    path.write_bytes(content)
    assert path.relative_to(folder).as_posix() in refusal(folder)


def test_first_of_several_damaged_images_is_named(folder: Path) -> None:
    """With several damaged files the first come first, though they are read in parallel."""
    for number in range(20):
        (folder / f"dog/broken{number:02}.png").write_bytes(b"")
    message = refusal(folder)
    assert message.index("broken00.png") < message.index("broken01.png")
    assert "16 more problems" in message


def test_huge_image_is_no_traceback(folder: Path) -> None:
    """A file that claims billions of pixels is refused by its header."""
    content = bytearray((folder / "dog/1.png").read_bytes())
    content[16:24] = (60000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    (folder / "dog/2.png").write_bytes(content)
    assert "2.png" in refusal(folder)


def test_links_are_followed_inside_the_folder(folder: Path, tmp_path: Path) -> None:
    """A link inside counts as what it leads to; one that leaves the folder is named."""
    (folder / "dog/2.png").symlink_to(folder / "cat/a.png")
    save(folder / "dog/more/x.png", scene(7))
    (folder / "emu").symlink_to(folder / "dog/more")
    assert loaded(folder).labels.tolist() == [0, 0, 1, 1, 1, 2]
    save(tmp_path / "elsewhere/x.png", scene(7))
    (folder / "fox").symlink_to(tmp_path / "elsewhere")
    assert "'fox': it is a symbolic link that leaves the folder" in refusal(folder)


@pytest.mark.parametrize("target", ["2.png", "gone.png"])
def test_links_to_nowhere_are_named(folder: Path, target: Any) -> None:
    """A link in a circle, or to nothing, that claims to be an image is named."""
    (folder / "dog/2.png").symlink_to(target)
    assert "2.png" in refusal(folder)


def test_circular_folders_are_no_traceback(folder: Path) -> None:
    """A folder that leads back up is refused; one that leads to itself is none."""
    (folder / "self").symlink_to("self")
    assert loaded(folder).classes == ("cat", "dog")
    (folder / "dog/up").symlink_to(folder / "dog")
    assert "'dog/up': it is a symbolic link to a folder around it" in refusal(folder)


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
