"""A model's folder: whole or not there, and never another model's by accident."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sweeps.export.model_card import to_json
from sweeps.export.model_folder import (
    carry_over,
    check_room,
    check_target,
    digest_of,
    publish,
    read_about,
    size_of,
)
from tests.exported_model import about, report
from trainer.errors import Mismatch, UsageError
from trainer.runtime.permissions import as_folder_says, make_private


def write(folder: Path, formats: Sequence[str] = ("keras",), key: str = "k") -> Path:
    """Write a model's folder."""
    folder.mkdir(parents=True)
    made = about(key=key, formats={name: report(name) for name in formats})
    (folder / "model.json").write_text(to_json(made))
    for form in made.formats.values():
        (folder / form.where).write_text(form.where)
    return folder


def key_of(folder: Path) -> str:
    """Return which model a folder has."""
    found = read_about(folder)
    assert found is not None
    return found.key


def test_another_model_is_never_replaced_without_force(tmp_path: Path) -> None:
    """The same one may be exported again; a folder without model.json is somebody's."""
    target = write(tmp_path / "name")
    check_target(target, "k", force=False)
    check_target(target, "other", force=True)
    check_target(tmp_path / "a" / "b" / "new", "k", force=False)
    with pytest.raises(UsageError, match="is not this model: add --force"):
        check_target(target, "other", force=False)
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match="is not this model"):
        check_target(tmp_path / "mine", "k", force=False)


def test_a_file_cannot_take_a_model(tmp_path: Path) -> None:
    """Said before anything is trained."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file is no folder: choose another with --out"):
        check_target(tmp_path / "file" / "name", "k", force=False)


def test_a_folder_that_cannot_be_written_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write everywhere, so the question to the system is stood in for."""
    monkeypatch.setattr(os, "access", lambda folder, _mode: folder != tmp_path)
    with pytest.raises(UsageError, match="cannot be written: choose another folder with --out"):
        check_target(tmp_path / "out" / "name", "k", force=False)


def test_a_small_disk_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both figures, for the disk of the nearest folder that is there."""
    asked = []

    def usage(folder: Path) -> Any:
        asked.append(folder)
        return SimpleNamespace(free=2_000_000)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    check_room(tmp_path / "out" / "name", 2_000_000)
    with pytest.raises(UsageError, match=r"has 2\.0 MB left and the model needs 3\.5 MB: make room"):
        check_room(tmp_path / "out" / "name", 3_500_000)
    assert asked == [tmp_path, tmp_path]


def test_what_was_exported_before_stays(tmp_path: Path) -> None:
    """Formats of the same model that were not asked for again, in the usual order."""
    target = write(tmp_path / "name", formats=("keras", "onnx"))
    model = write(tmp_path / "new", formats=("keras",))
    now = carry_over(target, model, about(formats={"keras": report("keras", 2)}), force=False)
    assert list(now.formats.items()) == [("keras", report("keras", 2)), ("onnx", report("onnx"))]
    assert (model / "model.onnx").read_text() == "model.onnx"


def test_what_was_left_out_before_is_still_said(tmp_path: Path) -> None:
    """Until the format is there."""
    target = write(tmp_path / "name", formats=("onnx",))
    before = about(formats={"onnx": report("onnx")}, left_out={"keras": "why", "litert": "why"})
    (target / "model.json").write_text(to_json(before))
    (tmp_path / "new").mkdir()
    now = about(formats={"litert": report("litert")}, left_out={"mlflow": "also"})
    together = carry_over(target, tmp_path / "new", now, force=False)
    assert together.left_out == {"keras": "why", "mlflow": "also"}
    gone = about(formats={name: report(name) for name in ("keras", "litert")})
    assert carry_over(target, tmp_path / "new", gone, force=True).left_out is None


def test_a_file_that_was_changed_is_not_taken_over(tmp_path: Path) -> None:
    """It would be published again as proven; exported again it is not needed."""
    target = tmp_path / "name"
    target.mkdir()
    (target / "model.onnx").write_text("proven")
    proven = replace(report("onnx"), sha256=digest_of(target / "model.onnx"))
    (target / "model.json").write_text(to_json(about(formats={"onnx": proven})))
    now = about(formats={"keras": report("keras")})
    (tmp_path / "new").mkdir()
    assert carry_over(target, tmp_path / "new", now, force=False).formats["onnx"] == proven
    (target / "model.onnx").write_text("other")
    with pytest.raises(Mismatch, match=r"model\.onnx was changed after it was exported: nothing was"):
        carry_over(target, tmp_path / "new", now, force=False)
    again = about(formats={"onnx": report("onnx")})
    assert carry_over(target, tmp_path / "new", again, force=False) == again


def test_the_same_fits_with_other_weights_are_a_mismatch(tmp_path: Path) -> None:
    """What was to be the same model is not, and only force takes it."""
    target = write(tmp_path / "name")
    other = about(weights_sha256="x", formats={})
    with pytest.raises(Mismatch, match="the same fits but other weights"):
        carry_over(target, tmp_path, other, force=False)
    assert carry_over(target, tmp_path, other, force=True) == other
    assert carry_over(tmp_path / "nothing", tmp_path, other, force=False) == other


def test_a_folder_is_swapped_for_the_new_one(tmp_path: Path) -> None:
    """Nothing of the old one stays, nor what a killed export left beside it."""
    target = write(tmp_path / "out" / "name", key="old")
    (target / "stale").write_text("")
    write(tmp_path / "out" / ".name.partial")
    write(tmp_path / "out" / ".name.old")
    publish(write(tmp_path / "new", key="new"), target)
    assert key_of(target) == "new"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["name"]
    assert sorted(path.name for path in target.iterdir()) == ["model.json", "model.keras"]


def test_the_users_umask_decides_who_may_read_it(tmp_path: Path) -> None:
    """Though it is prepared in a home that only one account may read."""
    private, target = tmp_path / "home", tmp_path / "models" / "tiny"
    make_private(private)
    before = os.umask(0o022)
    try:
        with as_folder_says(private):
            new = write(private / "new", key="new")
            assert (new / "model.json").stat().st_mode & 0o777 == 0o600
            publish(new, target)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (target.parent, target)} == {0o755}
    assert {path.stat().st_mode & 0o777 for path in target.iterdir()} == {0o644}


def test_a_copy_that_fails_leaves_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk in the middle of it: no half-written model, and the one before is as it was."""
    target = write(tmp_path / "out" / "name", key="old")

    def full(source: Path, partial: Path) -> None:
        partial.mkdir()
        (partial / "half").write_text("")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(UsageError, match="No space left on device"):
        publish(write(tmp_path / "new", key="new"), target)
    assert key_of(target) == "old"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["name"]


def test_sizes_are_of_all_files(tmp_path: Path) -> None:
    """Of a file, or of a folder of folders."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"123")
    (tmp_path / "y").write_bytes(b"12")
    assert (size_of(tmp_path), size_of(tmp_path / "y")) == (5, 2)


def test_hidden_files_are_not_part_of_a_model(tmp_path: Path) -> None:
    """A file manager's leftover does not change its digest; any other file does."""
    (tmp_path / "saved_model.pb").write_bytes(b"x")
    before = digest_of(tmp_path)
    (tmp_path / ".DS_Store").touch()
    assert digest_of(tmp_path) == before
    (tmp_path / "more").touch()
    assert digest_of(tmp_path) != before
