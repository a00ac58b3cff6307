"""Made-up patients with random labels: nothing can be learned, and with groups nothing is claimed."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.command import refold

IMAGES_OF_EACH = 6

SWEEP = """
name = "{name}"
trials = 1
dataset = "{name}.npz"
[cv]
folds = 2
epochs = 12
[prune]
enabled = false
[architectures.lenet]
batch_size = 32
learning_rate = 0.002
dropout = 0.0
"""


def patients(path: Path, count: int, seed: int, *, groups: bool) -> None:
    """Write patients with six nearly identical images each; half of them, at random, are called sick."""
    rng = np.random.default_rng(seed)
    own = rng.integers(30, 225, (count, 12, 12))
    images = np.repeat(own, IMAGES_OF_EACH, axis=0) + rng.integers(-4, 5, (count * IMAGES_OF_EACH, 12, 12))
    labels = np.repeat(rng.permutation(np.array(["sick", "well"])[np.arange(count) % 2]), IMAGES_OF_EACH)
    known = {"groups": np.repeat(np.arange(count), IMAGES_OF_EACH)} if groups else {}
    np.savez(path, allow_pickle=False, images=images.astype(np.uint8), labels=labels, **known)


@pytest.mark.slow
@pytest.mark.training
@pytest.mark.parametrize("grouped", [True, False])
def test_what_a_sweep_says_holds_for_other_patients(tmp_path: Path, *, grouped: bool) -> None:
    """Only with groups; without them it says that all are recognised, and other patients are guessed."""
    patients(tmp_path / "made.npz", 150, 1, groups=grouped)
    patients(tmp_path / "others.npz", 150, 2, groups=True)
    (tmp_path / "made.toml").write_text(SWEEP.format(name="made"))
    done = refold("run", "made.toml", "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (trial,) = json.loads(refold("show", "made", "--json", cwd=tmp_path).stdout)["trials"]
    said = trial["f1"]
    exported = json.loads(refold("export", "made", "--json", cwd=tmp_path).stdout)
    asked = ("evaluate", exported["folder"], "others.npz", "--json")
    others = json.loads(refold(*asked, cwd=tmp_path).stdout)
    assert others["groups"] == 150
    assert others["f1"]["low"] < 0.5 < others["f1"]["high"]
    if grouped:
        assert abs(said - others["f1"]["score"]) < 0.15
        assert exported["scores"]["test"]["f1"] < 0.7
    else:
        assert said > 0.9
        assert exported["scores"]["test"]["f1"] > 0.9
