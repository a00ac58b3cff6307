"""SavedModels from anywhere: what could reach a file is named, and nothing of it is run."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.warm_process import WarmProcess

pytestmark = pytest.mark.training


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What a hostile model would write or read."""
    return tmp_path / "victim"


def made(process: WarmProcess, folder: Path, file: Path, *names: str) -> None:
    """Have a process save hostile models."""
    done = process.run("tests.hostile_graphs", "main", str(folder), str(file), *names)
    assert done.returncode == 0, done.stderr
    file.unlink(missing_ok=True)


def answer(process: WarmProcess, model: Path, mode: str = "checked") -> dict[str, str]:
    """Return what the process says that classifies with a model."""
    images, out = model.with_name("images.npy"), model.with_name("out.npy")
    np.save(images, np.zeros((2, 8, 8, 1), np.float32))
    arguments = ("savedmodel", str(model), str(images), str(out), mode)
    done = process.run("trainer.formats.foreign.classify", "main", *arguments)
    assert done.returncode == 0, done.stderr
    said: dict[str, str] = json.loads(done.stdout)
    return said


@pytest.fixture(scope="module")
def graphs(warm_process: WarmProcess) -> dict[str, str]:
    """What is said of small graphs that were made by hand."""
    done = warm_process.run("tests.hostile_graphs", "by_hand")
    assert done.returncode == 0, done.stderr
    said: dict[str, str] = json.loads(done.stdout)
    return said


@pytest.mark.slow
def test_a_model_that_writes_a_file_is_not_loaded(
    warm_process: WarmProcess, tmp_path: Path, file: Path
) -> None:
    """The operation is named, and nothing was written; whoever trusts the maker gets what the model does."""
    made(warm_process, tmp_path, file, "write")
    said = answer(warm_process, tmp_path / "write")["refused"]
    assert said.startswith("its operation WriteFile (in the function __inference_serve_")
    assert said.endswith(") is not on the list of those that only compute")
    assert not file.exists()
    made(warm_process, tmp_path / "again", file, "write")
    assert answer(warm_process, tmp_path / "again" / "write", "trusted") == {}
    assert file.read_text() == "written by the model"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("read", "its operation ReadFile (in the function __inference_serve_"),
        ("list_files", "its operation MatchingFiles (in"),
        ("printed", "its operation StringFormat (in"),
        ("mapped", "its operation ImmutableConst (in"),
        ("python", "its operation EagerPyFunc (in"),
        ("saved", "its operation SaveV2 (in"),
        ("branch", "its operation WriteFile (in the function cond_true_"),
        ("loop", "its operation WriteFile (in the function while_body_"),
        ("asset", "it reads the file 'victim.rows' of its assets"),
        ("table", "it reads the file 'victim.rows' of its assets"),
        ("numbers", "it has an object of the kind 'resource'"),
    ],
)
def test_what_reaches_files_is_named(
    warm_process: WarmProcess, tmp_path: Path, file: Path, name: str, named: str
) -> None:
    """Also in branches that are never taken, and what loading itself would read."""
    made(warm_process, tmp_path, file, name)
    assert answer(warm_process, tmp_path / name)["refused"].startswith(named)
    assert not file.exists()


@pytest.mark.slow
def test_a_model_of_the_first_generation_is_not_loaded(
    warm_process: WarmProcess, tmp_path: Path, file: Path
) -> None:
    """TensorFlow runs its graph when it loads it."""
    made(warm_process, tmp_path, file, "write", "tensorflow 1")
    assert "a SavedModel of TensorFlow 1" in answer(warm_process, tmp_path / "tensorflow 1")["refused"]


@pytest.mark.slow
def test_a_model_that_only_computes_is_loaded_without_its_functions_for_saving(
    warm_process: WarmProcess, tmp_path: Path, file: Path
) -> None:
    """Nothing that writes is in what TensorFlow loads, although every SavedModel has it."""
    made(warm_process, tmp_path, file, "harmless")
    graph = tmp_path / "harmless" / "saved_model.pb"
    assert b"__inference__traced_save" in graph.read_bytes()
    assert answer(warm_process, tmp_path / "harmless") == {}
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), np.full((2, 2), 0.5))
    assert b"traced_save" not in graph.read_bytes()
    assert b"traced_restore" not in graph.read_bytes()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("computes", "fine"),
        ("writes", "its operation WriteFile (in the function serve) is not on the list"),
        ("reads", "its operation ReadFile (in the function serve) is not on the list"),
        ("calls by attribute", "its operation PyFunc (in the function inner) is not on the list"),
        ("calls one of several", "its operation PyFunc (in the function inner) is not on the list"),
        ("calls by name", "its operation inner (in the function serve) is not on the list"),
        ("escapes", r"its operation \x1b[2JRemoteCall (in the function serve) is not on the list"),
        ("saves in a function that nothing calls", "fine"),
        ("saves in the main graph", "fine"),
        ("has a handle", "its constant sneaky (in the function serve) is no number"),
        ("has a handle in the main graph", "its constant sneaky is no number"),
        ("has an asset", "it reads the file '../../etc/passwd' of its assets"),
        ("has a resource", "it has an object of the kind 'resource'"),
        ("has an empty object", "it has an object of the kind 'None'"),
        ("has an optimiser", "it has an object of the class 'optimizer'"),
        ("has a registered class", "it has an object of the class 'tf.StaticHashTable'"),
        ("has no objects", "it is a SavedModel of TensorFlow 1"),
        ("has two graphs", "it is a SavedModel of TensorFlow 1"),
        ("is empty", "it is a SavedModel of TensorFlow 1"),
        ("is no message", "its saved_model.pb cannot be read"),
    ],
)
def test_all_that_can_run_is_looked_at(graphs: dict[str, str], name: str, said: str) -> None:
    """Whatever calls it and however; what nothing calls is taken away instead."""
    assert graphs[name].startswith(said)


def test_each_operation_of_the_list_exists_and_has_no_state_but_variables_and_random_numbers(
    warm_process: WarmProcess,
) -> None:
    """TensorFlow marks what writes files, prints or talks to others as stateful."""
    done = warm_process.run("tests.hostile_graphs", "stateful")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sorted(name for name, stateful in found.items() if stateful is None) == []
    stateful = {name for name, stateful in found.items() if stateful}
    calls = {"Case", "If", "StatefulPartitionedCall", "While"}
    random = {name for name in stateful if "Random" in name or name in ("Multinomial", "TruncatedNormal")}
    variables = {name for name in stateful if "Var" in name or name.startswith(("Resource", "DisableCopy"))}
    assert stateful - calls - random - variables == set()
