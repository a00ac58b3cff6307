"""Input that nobody has thought of: good input mutated at random (hypothesis), for minutes.

A dry run succeeds, or there is exit code 2 and one line. What is found becomes a row of the hostile inputs.
``REFOLD_FUZZ`` is the number of examples of each test.
"""

import gzip
import io
import json
import os
import shutil
import sqlite3
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sweeps.definition.architecture_choice import ArchitectureChoice
from sweeps.definition.spec import CrossValidation, Limits, Prune, Search, SweepSpec
from sweeps.definition.sweep_file import parse_sweep, sweep_text
from tests import hostile_texts as texts
from tests.command import here, write_two_classes
from tests.exported_model import about
from tests.mutation import mutated_bytes, mutated_json, mutated_text, tokens, values
from tests.recorded_home import BEFORE_THE_MOVE
from trainer.bounded_text import toml_from
from trainer.datasets import Arrays, DatasetSource, load
from trainer.datasets.idx import read_idx
from trainer.errors import UsageError
from trainer.escaping import for_terminal
from trainer.hyperparameters import Choice, Fixed, Float, Integer

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3600)]

#: Seconds of the processor that one example may take: far above all, far below what hangs.
PATIENCE = 20.0

fuzzed = settings(
    max_examples=int(os.environ.get("REFOLD_FUZZ", "1000")),
    database=None,
    suppress_health_check=list(HealthCheck),
)

EXAMPLES = Path(__file__).parents[3] / "examples"
SWEEPS = [
    path.read_text(encoding="utf-8").replace("fashion_mnist", "two-classes.npz")
    for path in sorted(EXAMPLES.glob("*.toml"))
]
FULL = """
name = "full"
seed = 7
trials = 3
device = "cpu"
[dataset]
source = "two-classes.npz"
samples = 4
[cv]
folds = 2
epochs = 12
patience = 2
min_delta = 0.001
stop_share = 0.2
[search]
startup = 3
window = 2
[prune]
enabled = true
margin = 0.01
rungs = [2, 5]
keep = 0.4
startup = 6
[limits]
fit_minutes = 5
[mlflow]
experiment = "shared"
[architectures.resnet]
learning_rate = { low = 1e-4, high = 1e-2, log = true }
blocks = { low = 1, high = 3, step = 1 }
batch_size = 32
optimizer = { choices = ["adam", "sgd"] }
[architectures.vgg]
dropout = 0.25
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, and a good sweep file."""
    made = tmp_path_factory.mktemp("fuzzing")
    write_two_classes(made)
    (made / "sweep.toml").write_text('name = "x"\ndataset = "two-classes.npz"\ncv.folds = 2\n')
    return made


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would train, serve, download or write is as good as an answer."""

    def reached(*_: object, **__: object) -> None:
        raise UsageError("reached")

    for place in (
        *("sweeps.api.sweep.run_recorded", "sweeps.cluster.coordinator.cluster_workers"),
        *("sweeps.cluster.services.serve_workers", "sweeps.cluster.services.serve_scheduler"),
        *("sweeps.mlflow_record.serve", "sweeps.diagnostics.doctor.examine"),
        *("sweeps.cluster.certificates.make_certificates", "trainer.datasets.built_in._through_keras"),
        *("sweeps.cluster.worker_setup.equip", "trainer.architectures.inspect._ask"),
    ):
        monkeypatch.setattr(place, reached)
    monkeypatch.setattr("sweeps.definition.prepare.git_commit", lambda _: None)
    monkeypatch.setattr("sweeps.cli.doctor.say", lambda _: None)  # what it begins with


def answered(*words: str, cwd: Path, **variables: str) -> None:
    """See that a command succeeds, or is refused in one line, soon."""
    began = time.process_time()
    done = here(*words, cwd=cwd, **variables)
    assert time.process_time() - began < PATIENCE
    if done.returncode:
        assert done.returncode == 2, done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith("refold")
        assert line == for_terminal(line)
        assert len(line) < 1_000
        assert "an error in refold" not in line


@fuzzed
@given(st.sampled_from([*SWEEPS, FULL, FULL]).flatmap(mutated_text))
def test_a_mutated_sweep_file(folder: Path, text: str) -> None:
    """Tokens deleted, replaced, repeated, nested; huge numbers, Unicode."""
    (folder / "mutated.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    answered("run", "mutated.toml", "--dry-run", cwd=folder)


@fuzzed
@given(mutated_bytes(FULL.encode()))
def test_a_sweep_file_of_mutated_bytes(folder: Path, content: bytes) -> None:
    """Bytes that are no text, too."""
    (folder / "mutated.toml").write_bytes(content)
    answered("run", "mutated.toml", "--dry-run", cwd=folder)


numbers = st.one_of(
    values, st.integers(0, 9), st.floats(0, 1), st.just(np.float32(0.5)), st.just(np.int64(3))
)
ranges = st.one_of(
    st.builds(Float, low=numbers, high=numbers, log=st.booleans() | values),
    st.builds(Integer, low=numbers, high=numbers, step=numbers, log=st.booleans() | values),
    st.builds(Choice, st.lists(numbers, max_size=4).map(tuple) | values),
    st.builds(Fixed, numbers),
    st.fixed_dictionaries({"low": numbers, "high": numbers}, optional={"log": values, "step": numbers}),
    st.fixed_dictionaries({"choices": st.lists(numbers, max_size=4) | values}),
    values,
)


def kept_or(good: Any) -> st.SearchStrategy[Any]:
    """Return mostly a good value."""
    return st.one_of(st.just(good), st.just(good), numbers)


def parts(kind: Any, **good: Any) -> st.SearchStrategy[Any]:
    """Return the fields of one part of a spec, most of them good; the part is made where errors count."""
    return st.fixed_dictionaries({key: kept_or(value) for key, value in good.items()}).map(
        lambda f: (kind, f)
    )


arrays = st.tuples(
    st.one_of(values, st.just(np.zeros((4, 8, 8), np.uint8)), st.just(np.zeros((4, 8, 8, 3)))),
    st.one_of(values, st.just([0, 1, 0, 1]), st.just(["a", "b", "a", "b"]), st.lists(st.text(), min_size=4)),
)
SPECS = st.fixed_dictionaries(
    {
        "name": kept_or("made") | st.text(),
        "seed": kept_or(1),
        "trials": kept_or(2),
        "device": kept_or("cpu"),
        "experiment": kept_or("other") | st.text(),
        "dataset": st.just("digits")
        | parts(DatasetSource, source="digits", samples=50, colour=None)
        | arrays,
        "cv": parts(CrossValidation, folds=2, epochs=3, patience=2, min_delta=0.0, stop_share=0.1),
        "search": parts(Search, startup=2, window=1),
        "prune": parts(Prune, enabled=True, margin=0.1, rungs=(1,), keep=0.5, startup=3),
        "limits": parts(Limits, fit_minutes=3.5),
        "architectures": st.lists(
            st.sampled_from(["vgg", "lenet"])
            | values
            | st.fixed_dictionaries(
                {
                    "name": st.sampled_from(["vgg", "resnet"]) | st.text(),
                    "source": st.none() | st.text() | st.just("net.py:Net"),
                    "ranges": st.dictionaries(
                        st.sampled_from(["dropout", "batch_size", "blocks", "learning_rate"]) | st.text(),
                        ranges,
                    ),
                }
            ).map(lambda fields: (ArchitectureChoice, fields)),
            max_size=3,
        )
        | values,
    }
)


def made(value: Any) -> Any:
    """Make the parts of a drawn spec."""
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], type):
        return value[0](**value[1])
    return [made(each) for each in value] if isinstance(value, list) else value


@fuzzed
@given(SPECS)
def test_a_spec_of_any_values(folder: Path, fields: dict[str, Any]) -> None:
    """It is refused in one line; or it can be written, read again, and planned or refused."""
    try:
        spec = SweepSpec(**{key: made(value) for key, value in fields.items()}, folder=folder)
    except UsageError:
        return
    assert parse_sweep(toml_from(sweep_text(spec)), folder=folder).source == spec.source
    if not isinstance(spec.dataset, Arrays):
        (folder / "mutated.toml").write_text(sweep_text(spec), encoding="utf-8")
        answered("run", "mutated.toml", "--dry-run", cwd=folder)


WORDS = sorted({word for case in (*texts.WORDS, *texts.MLFLOW, *texts.CLUSTER) for word in case.words})
OPTIONS = sorted(
    f"--{name}"
    for name in (
        *("home", "workers", "dry-run", "quiet", "cluster", "certificates", "mixed", "tracking-uri", "json"),
        *("debug", "help", "version", "trial", "fold", "all", "repeats", "rope", "claim", "html", "scores"),
        *(
            "architectures",
            "architecture",
            "rows",
            "how",
            "format",
            "out",
            "force",
            "storage",
            "yes",
            "rebuild",
        ),
        *("port", "host", "open", "days", "nworkers", "per-gpu", "cpu", "wait", "cluster-wait", "trust-code"),
    )
)
VERBS = (
    "run",
    "ls",
    "show",
    "verify",
    "compare",
    "plan",
    "variance",
    "doctor",
    "export",
    "predict",
    "ui",
    "study",
)


@fuzzed
@given(
    st.sampled_from([*VERBS, "sync", "rm", "scheduler", "worker", "certificates"]) | st.sampled_from(WORDS),
    st.lists(st.sampled_from(WORDS) | st.sampled_from(OPTIONS) | tokens, max_size=6),
)
def test_commands_of_any_words(folder: Path, verb: str, words: list[str]) -> None:
    """Verbs, options and values in any order."""
    if "--debug" not in words:  # which prints more lines
        answered(verb, *words, cwd=folder)


def npz() -> bytes:
    """Return a good ``.npz``."""
    out = io.BytesIO()
    images = np.arange(6 * 64, dtype=np.uint8).reshape(6, 8, 8)
    np.savez(out, images=images, labels=np.arange(6) % 2, class_names=["a", "b"])
    return out.getvalue()


@fuzzed
@given(mutated_bytes(npz()))
def test_a_mutated_npz(folder: Path, content: bytes) -> None:
    """A dataset, or one line."""
    (folder / "mutated.npz").write_bytes(content)
    with suppress(UsageError):
        load(DatasetSource(source="mutated.npz"), base=folder)


def picture(kind: str) -> bytes:
    """Return a good image file."""
    out = io.BytesIO()
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(out, kind)
    return out.getvalue()


@fuzzed
@given(st.sampled_from(["PNG", "JPEG"]).flatmap(lambda kind: mutated_bytes(picture(kind))))
def test_a_mutated_image(folder: Path, content: bytes) -> None:
    """A dataset, or one line."""
    for name in ("cat", "dog"):
        (folder / "photos" / name).mkdir(parents=True, exist_ok=True)
        (folder / "photos" / name / "good.png").write_bytes(picture("PNG"))
    (folder / "photos" / "cat" / "mutated.jpg").write_bytes(content)
    with suppress(UsageError):
        load(DatasetSource(source="photos"), base=folder)


IDX = struct.pack(">BBBBIII", 0, 0, 8, 3, 2, 3, 3) + bytes(18)


@fuzzed
@given(mutated_bytes(IDX).map(gzip.compress) | mutated_bytes(gzip.compress(IDX)))
def test_a_mutated_idx(folder: Path, content: bytes) -> None:
    """An array, or one line."""
    (folder / "mutated.gz").write_bytes(content)
    with suppress(UsageError):
        read_idx(folder / "mutated.gz")


MODEL = json.loads(json.dumps(about().to_json()))


@fuzzed
@given(
    mutated_json(MODEL).map(lambda data: json.dumps(data).encode())
    | mutated_bytes(json.dumps(MODEL).encode())
)
def test_a_mutated_model_json(folder: Path, content: bytes) -> None:
    """There is no model beside it, so ``predict`` always ends in one line."""
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "model.json").write_bytes(content)
    (folder / "photo.png").write_bytes(picture("PNG"))
    answered("predict", "model", "photo.png", cwd=folder)


@contextmanager
def new_home(folder: Path) -> Iterator[Path]:
    """Make a folder for a home, which is removed afterwards."""
    home = folder / "home"
    home.mkdir()
    try:
        yield home
    finally:
        shutil.rmtree(home)


LEDGER = gzip.decompress((BEFORE_THE_MOVE / "ledger.sqlite.gz").read_bytes())


@fuzzed
@given(
    st.lists(st.tuples(st.integers(0, len(LEDGER)), st.binary(max_size=4)), min_size=1, max_size=9),
    st.just(len(LEDGER)) | st.integers(0, len(LEDGER)),
)
def test_a_ledger_of_mutated_bytes(folder: Path, changes: list[tuple[int, bytes]], length: int) -> None:
    """It is shown, or there is one line."""
    content = bytearray(LEDGER)
    for place, replacement in changes:
        content[place : place + len(replacement)] = replacement
    content = content[:length]
    with new_home(folder) as home:
        (home / "ledger.sqlite").write_bytes(content)
        answered("show", "fixture", "--home", str(home), cwd=folder)


COLUMNS = (
    *(("sweeps", column) for column in ("identity", "dataset", "architectures", "environment", "details")),
    *(("fits", column) for column in ("spec", "run")),
    ("proposals", "hyperparameters"),
)


def cells() -> dict[tuple[str, str], str]:
    """Return the first value of each column that has JSON."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(LEDGER)
        return {
            (table, column): connection.execute(f"SELECT {column} FROM {table} WHERE rowid = 1").fetchone()[0]
            for table, column in COLUMNS
        }


@fuzzed
@given(
    st.one_of(
        [
            st.tuples(st.just(place), mutated_json(json.loads(text)).map(json.dumps))
            for place, text in cells().items()
        ]
    )
)
def test_a_ledger_with_mutated_json(folder: Path, changed: tuple[tuple[str, str], str]) -> None:
    """Each column that is JSON."""
    (table, column), text = changed
    with new_home(folder) as home:
        (home / "ledger.sqlite").write_bytes(LEDGER)
        with closing(sqlite3.connect(home / "ledger.sqlite")) as connection, connection:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = 1", (text,))
        answered("show", "fixture", "--home", str(home), cwd=folder)
