"""The registry of built-in architectures, without TensorFlow."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainer.architectures import BUILT_IN, built_in, middle, source_digest
from trainer.errors import UsageError
from trainer.hyperparameters import SHARED_SPACE, Choice, Fixed, Float, Integer, Space

SIX = ["baseline", "lenet", "vgg", "resnet", "densenet", "mobilenet"]


def test_the_six_are_there_in_their_order() -> None:
    """Names and order of the built-in architectures are part of every default sweep."""
    assert list(BUILT_IN) == SIX
    assert [architecture.name for architecture in BUILT_IN.values()] == SIX


def test_importing_the_registry_does_not_import_tensorflow() -> None:
    """The coordinator and `refold --help` import the registry; TensorFlow would cost them seconds."""
    code = (
        "import sys; from trainer.architectures import BUILT_IN; "
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    """A misspelt architecture gets one line with the right spelling."""
    with pytest.raises(UsageError, match=r"no built-in architecture 'resnte': did you mean 'resnet'\?"):
        built_in("resnte")


@pytest.mark.parametrize("name", SIX)
def test_a_space_is_small_and_its_own(name: str) -> None:
    """Each architecture has 2 to 4 ranges of its own, at most 18 shapes, and leaves the shared ones alone."""
    space = BUILT_IN[name].space
    shapes = 1
    for values in space.values():
        shapes *= len(values.values) if isinstance(values, Choice) else 1
    assert 2 <= len(space) <= 4
    assert shapes <= 18, "each shape of a network costs a trace"
    assert not set(space) & set(SHARED_SPACE)


def test_digests_of_built_in_sources_differ_and_cover_the_shared_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Six files, six digests; an edit in blocks.py changes all of them."""
    before = {name: source_digest(name) for name in SIX}
    assert len(set(before.values())) == 6
    assert all(len(value) == 64 for value in before.values())
    read = Path.read_text

    def edited(path: Path, *args: Any, **kwargs: Any) -> Any:
        return read(path, *args, **kwargs) + ("# edited" if path.name == "blocks.py" else "")

    monkeypatch.setattr(Path, "read_text", edited)
    assert all(source_digest(name) != before[name] for name in SIX)


def test_a_digest_does_not_depend_on_the_process() -> None:
    """A worker elsewhere has to find the same digest for the same code."""
    code = "from trainer.architectures import source_digest; print(source_digest('resnet'))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == source_digest("resnet")


def test_digest_of_an_unknown_name_is_a_usage_error() -> None:
    """There is no source of what does not exist."""
    with pytest.raises(UsageError, match="did you mean 'vgg'"):
        source_digest("vg")


def test_middle_lies_on_the_grid_and_on_the_scale() -> None:
    """The middle of a stepped range is one of its values, that of a logarithmic one is geometric."""
    space: Space = {
        "a": Integer(low=1, high=8, step=7),
        "b": Integer(low=16, high=256, log=True),
        "c": Integer(low=0, high=10, step=5),
        "d": Float(low=0.0, high=0.5),
        "e": Float(low=1e-4, high=1e-2, log=True),
        "f": Choice(("x", "y", "z")),
        "g": Fixed(True),
    }
    assert middle(space) == {"a": 1, "b": 64, "c": 5, "d": 0.25, "e": 1e-3, "f": "y", "g": True}
