"""A Keras model in the caller's own process: only one that computes."""

import json
import sys
import zipfile
from pathlib import Path

import pytest

from trainer.errors import UsageError
from trainer.formats.keras_model import load_keras_model


def test_a_file_with_code_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record from somebody else may name any file; Keras is not even imported for this one."""
    monkeypatch.setitem(sys.modules, "keras", None)
    hidden: dict[str, object] = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {},
        "registered_name": None,
    }
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(hidden))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(UsageError, match=r"model\.keras is not loaded: its part 'Lambda' of keras\.layers"):
        load_keras_model(tmp_path / "model.keras")
