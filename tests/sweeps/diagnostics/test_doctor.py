"""``refold doctor``: each trap is found by name, and nothing is found where there is none."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeps.diagnostics import doctor, rehearsal
from sweeps.diagnostics.machine import Mount, Pins, available_memory, mount_of, mounts, pins, requirements
from sweeps.home import Home
from tests.closed_formula import plan, prepared
from trainer.process.preflight import failure
from trainer.process.preflight_messages import StepAnswer, StepFailed, StepPassed, StepRequest
from trainer.runtime.determinism import ENVIRONMENT, SWITCHES
from trainer.runtime.environment import of_training

PINNED = {
    "tensorflow": "2.21.0",
    "keras": "3.15.1",
    "numpy": "2.4.6",
    "scikit-learn": "1.9.1",
    "optuna": "5.0.0",
}
HAVE: dict[str, str | None] = {package: PINNED.get(package) for package in (*doctor.DECIDING, *doctor.BESIDE)}
CONSTRAINTS = Pins("constraints.txt", exact=True, wanted=requirements(f"{p}=={v}" for p, v in PINNED.items()))
FINE = of_training()


def levels(findings: list[doctor.Finding]) -> list[str]:
    """Return how grave each finding is."""
    return [finding.level for finding in findings]


def test_the_pinned_versions_are_fine() -> None:
    """One line says so and names what was compared."""
    (found,) = doctor.versions(CONSTRAINTS, HAVE)
    assert found.level == "ok"
    assert "keras 3.15.1" in found.what
    assert "constraints.txt" in found.what


@pytest.mark.parametrize("package", doctor.DECIDING)
@pytest.mark.parametrize("here", ["1.0", "{}+nv1", None])
def test_another_version_of_a_deciding_package_is_a_problem(package: str, here: str | None) -> None:
    """Another version, another build of the same one, or none at all: named, with the command that helps."""
    other = here.format(PINNED[package]) if here else None
    (found,) = doctor.versions(CONSTRAINTS, HAVE | {package: other})
    assert found.level == "problem"
    assert found.what.startswith(package)
    assert found.do == f"pip install -c constraints.txt {package}"


def test_pins_honour_markers_and_come_from_the_first_file_that_is_about_refold(tmp_path: Path) -> None:
    """Another project's constraints are passed over; a line for another Python does not count."""
    other, ours = tmp_path / "other", tmp_path / "ours"
    for folder in (other, ours):
        folder.mkdir()
    (other / "constraints.txt").write_text("keras==2.0\n")
    (ours / "constraints.txt").write_text(
        "# pinned\ntensorflow==2.21.0\nkeras==3.15.1\n-e .\n"
        "numpy==1.0 ; python_full_version < '3.0'\nnumpy==2.4.6 ; python_full_version >= '3.0'\n"
    )
    found = pins([other, ours])
    assert found.source == str(ours / "constraints.txt")
    assert str(found.wanted["numpy"].specifier) == "==2.4.6"


def test_without_a_constraints_file_refolds_own_ranges_are_compared() -> None:
    """The note says that only ranges were compared; a version outside them is still a problem."""
    ranges = pins([], ["tensorflow<2.22,>=2.21", "keras<3.16,>=3.15", 'ruff>=1; extra == "dev"'])
    assert "ruff" not in ranges.wanted
    assert levels(doctor.versions(ranges, HAVE)) == ["ok", "note"]
    assert levels(doctor.versions(ranges, HAVE | {"keras": "3.16.0"})) == ["problem", "note"]


def test_variables_that_training_never_sees_are_a_note() -> None:
    """Thread counts, oneDNN and hash seeds outside have no effect, and the line says so."""
    (found,) = doctor.variables(
        {"OMP_NUM_THREADS": "8", "XLA_FLAGS": "x", "PYTHONHASHSEED": "0", "HOME": "/"}
    )
    assert found.level == "note"
    assert "OMP_NUM_THREADS=8, XLA_FLAGS=x" in found.what
    assert "PYTHONHASHSEED" not in found.what
    assert levels(doctor.variables({"HOME": "/"})) == ["ok"]


@pytest.mark.parametrize(
    ("name", "meant", "own"),
    [
        ("PYTHONASHSEED", "PYTHONHASHSEED", "that one"),
        ("PYTHON_HASH_SEED", "PYTHONHASHSEED", "that one"),
        ("pythonhashseed", "PYTHONHASHSEED", "that one"),
        ("OMP_NUM_THREAD", "OMP_NUM_THREADS", "that one"),
        ("TF_NUM_INTRA_OP_THREADS", "TF_NUM_INTRAOP_THREADS", "that one"),
        ("TF_DETERMINISTIC_OP", "TF_DETERMINISTIC_OPS", "what decides bits"),
        ("TF_CUDNN_DETERMINSTIC", "TF_CUDNN_DETERMINISTIC", "what decides bits"),
        ("CUBLAS_WORKSPACE_CONFIGS", "CUBLAS_WORKSPACE_CONFIG", "what decides bits"),
    ],
)
def test_a_misspelt_variable_is_a_note(name: str, meant: str, own: str) -> None:
    """It has no effect on anything: the line says which one is meant, and that refold needs it not."""
    (found,) = doctor.variables({name: "0", "HOME": "/"})
    assert (found.level, found.subject) == ("note", "variables")
    assert found.what == (
        f"{name} looks like a misspelt {meant}, so nothing reads it; refold sets {own} itself in its "
        "training processes"
    )
    assert found.do.startswith(f"unset {name}, or spell it {meant}")


def test_a_variable_that_training_inherits_is_a_problem() -> None:
    """The C library's own choice of kernels is named, with what to unset; other tunables pass."""
    (found,) = doctor.variables({"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2"})
    assert (found.level, found.do) == ("problem", "unset GLIBC_TUNABLES")
    assert levels(doctor.variables({"GLIBC_TUNABLES": "glibc.rtld.optional_static_tls=2000"})) == ["ok"]


@pytest.mark.parametrize("name", SWITCHES)
def test_a_training_process_that_differs_from_the_promise_is_a_problem(name: str) -> None:
    """Each switch is compared with what the process itself says."""
    assert levels(doctor.switches(FINE)) == ["ok"]
    (found,) = doctor.switches(replace(FINE, switches={**SWITCHES, name: "other"}))
    assert found.level == "problem"
    assert f"{name} is other" in found.what


def test_a_training_process_with_another_environment_is_a_problem() -> None:
    """A variable that got lost, and one that should not be there."""
    (found,) = doctor.switches(replace(FINE, variables={**ENVIRONMENT, "XLA_FLAGS": "x"}))
    assert "XLA_FLAGS is set" in found.what
    (found,) = doctor.switches(replace(FINE, variables={}))
    assert "TF_NUM_INTRAOP_THREADS is None, not 1" in found.what


@pytest.mark.parametrize(
    ("kind", "level"),
    [("ext4", "ok"), ("tmpfs", "note"), ("overlay", "note")]
    + [(kind, "problem") for kind in ("nfs4", "cifs", "9p", "fuse.sshfs", "lustre")],
)
def test_the_homes_file_system_decides_whether_locks_are_safe(kind: str, level: str, tmp_path: Path) -> None:
    """Network disks are a problem, memory is a note; a home that is not there yet is judged by its parent."""
    known = [Mount(Path("/"), "ext4", "/dev/a"), Mount(tmp_path.resolve(), kind, "there:/x")]
    (found,) = doctor.home_folder(tmp_path.resolve() / "not" / "yet", known)
    assert found.level == level
    assert kind in found.what or kind == "overlay"
    assert bool(found.do) == (level != "ok")


def test_mounts_are_read_as_the_kernel_writes_them() -> None:
    """Spaces are escaped, the deepest mount wins, and of two in one place the later one."""
    known = mounts("/dev/a / ext4 rw 0 0\nh:/x /my\\040disk nfs4 rw 0 0\n/dev/b / xfs rw 0 0\n")
    assert mount_of(Path("/my disk/runs"), known) == Mount(Path("/my disk"), "nfs4", "h:/x")
    assert mount_of(Path("/my diskette"), known) == Mount(Path("/"), "xfs", "/dev/b")


def test_a_home_that_is_a_file_is_a_problem(tmp_path: Path) -> None:
    """The ledger's folder cannot be made there."""
    (tmp_path / "file").touch()
    found = doctor.home_folder(tmp_path / "file", [Mount(Path("/"), "ext4", "/dev/a")])
    assert levels(found) == ["problem"]


def test_memory_names_the_number_of_workers_that_fit() -> None:
    """More than fit is a problem, with the number to ask for."""
    assert levels(doctor.memory(10**9, 4, 5 * 10**9)) == ["ok"]
    (found,) = doctor.memory(10**9, 4, 3 * 10**9)
    assert found.level == "problem"
    assert "--workers 3" in found.do
    assert "fewer" in doctor.memory(10**9, 1, 10**8)[0].do


def test_a_containers_limit_counts_as_well(tmp_path: Path) -> None:
    """What a control group has left, cached files apart, where that is less than the machine has."""
    assert available_memory("MemAvailable:    1000 kB\n", tmp_path) == 1024000
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("4000\n")
    (tmp_path / "memory.stat").write_text("anon 9\ninactive_file 500\n")
    assert available_memory("MemAvailable:    1000 kB\n", tmp_path) == 1500
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory("", tmp_path) is None


def test_a_limit_of_this_process_or_of_a_group_around_it_counts(tmp_path: Path) -> None:
    """As batch systems and systemd set it; with either version of control groups."""
    job = tmp_path / "batch" / "job7"
    job.mkdir(parents=True)
    for name, text in (("memory.max", "max"), ("memory.current", "10"), ("memory.stat", "")):
        (job / name).write_text(text)
        (tmp_path / "batch" / name).write_text(text)
    assert available_memory("MemAvailable: 1000 kB\n", tmp_path, "0::/batch/job7\n") == 1024000
    (tmp_path / "batch" / "memory.max").write_text("4010\n")
    assert available_memory("MemAvailable: 1000 kB\n", tmp_path, "0::/batch/job7\n") == 4000
    assert available_memory("MemAvailable: 1000 kB\n", tmp_path, "0::/other\n") == 1024000
    old = tmp_path / "memory" / "slice"
    old.mkdir(parents=True)
    (old / "memory.limit_in_bytes").write_text("3000\n")
    (old / "memory.usage_in_bytes").write_text("1000\n")
    own = "4:memory:/slice\n3:cpu,cpuacct:/slice\n"
    assert available_memory("MemAvailable: 1000 kB\n", tmp_path, own) == 2000


def test_cores_disk_and_gpus() -> None:
    """Too many workers and an idle GPU are notes; a full disk is a problem."""
    assert levels([*doctor.cores(2, 2), *doctor.cores(3, 2)]) == ["ok", "note"]
    assert levels([*doctor.disk(10**9, 10**6), *doctor.disk(10**9, 10**9)]) == ["ok", "problem"]
    cpu = {"model name": "A", "vectors": "avx avx2 fma"}
    assert [f.level for f in doctor.processor(cpu, ["H100"])] == ["note", "note"]
    assert "not used" in doctor.processor(cpu, ["H100"])[1].what


def test_an_op_without_deterministic_kernel_is_named() -> None:
    """TensorFlow's own words, the op and the user's line, out of its many lines."""
    text = (
        "Graph execution error:\n\nDetected at node net/crop/Grad defined at (most recent call last):\n"
        '  File "/x/site-packages/keras/a.py", line 1, in f\n\n  File "/home/me/mine.py", line 9, in call\n\n'
        "Determinism is not yet supported for Crop.\n\t [[{{node net/crop/Grad}}]] [Op:__inference_f_53]"
    )
    found = doctor.step("mine", failure(RuntimeError(text)))
    assert found.level == "problem"
    assert "net/crop/Grad: Determinism is not yet supported for Crop. (mine.py line 9)" in found.what


def test_each_outcome_of_a_step_has_its_finding() -> None:
    """A step that repeats is fine; one that does not, or fails, is a problem; a diverged one a note."""
    good = StepPassed(repeats=True, finite=True, seconds=0.1)
    assert doctor.step("a", good).level == "ok"
    assert doctor.step("a", replace(good, repeats=False)).level == "problem"
    assert doctor.step("a", replace(good, finite=False)).level == "note"
    assert doctor.step("a", failure(ValueError("odd shape"))).level == "problem"


def test_an_architecture_that_ends_the_process_is_blamed_and_the_rest_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first one without an answer is at fault; another process takes what is left."""

    def run(command: list[str], *, input: str, **_: Any) -> subprocess.CompletedProcess[str]:  # noqa: A002
        names = [task["name"] for task in json.loads(input)["architectures"]]
        lines = [json.dumps({"process": FINE.to_json()})]
        good = names[: names.index("bad")] if "bad" in names else names
        passed = StepPassed(repeats=True, finite=True, seconds=0.1)
        lines += [json.dumps(StepAnswer(name=name, outcome=passed, peak_bytes=5).to_json()) for name in good]
        return subprocess.CompletedProcess(command, -11 if "bad" in names else 0, "\n".join(lines), "")

    monkeypatch.setattr(subprocess, "run", run)
    found = rehearsal.ask(
        "folder",
        [StepRequest(name=n, source=None, digest="", hyperparameters={}) for n in ("a", "bad", "b")],
    )
    assert [name for name, each in found.steps.items() if isinstance(each, StepPassed)] == ["a", "b"]
    assert found.steps["bad"] == StepFailed(error="the training process ended: signal 11")
    assert (found.process, found.peak) == (FINE, 5)


USER = """
import keras
import tensorflow as tf

class Noise(keras.layers.Layer):
    def call(self, x, training=False):
        return x + tf.raw_ops.RandomUniform(shape=tf.shape(x), dtype=tf.float32) if training else x

class Noisy:
    space = {}
    def build(self, hyperparameters, input_shape, classes):
        inputs = keras.Input(input_shape)
        x = keras.layers.Flatten()(Noise()(inputs))
        return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
"""


def test_what_is_worth_knowing_of_a_network_is_a_note(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Such as seeds of its own that are meant."""
    monkeypatch.setattr(doctor, "rehearse", lambda _prepared: rehearsal.Rehearsal(process=FINE))
    sweep = replace(prepared(plan()), remarks=("mine: it begins with the same weights in all fits",))
    found = [each for each in doctor.examine(sweep, Home(tmp_path), 1) if each.subject == "own seeds"]
    assert found == [doctor.Finding("own seeds", "note", "mine: it begins with the same weights in all fits")]


@pytest.mark.slow
@pytest.mark.training
def test_the_command_tries_a_real_step_of_each_architecture(tmp_path: Path) -> None:
    """A user's unseeded op is named, exit code 1; lenet beside it repeats; no home is made."""
    (tmp_path / "mine.py").write_text(USER)
    (tmp_path / "s.toml").write_text(
        'name = "s"\ntrials = 1\n[dataset]\nsource = "digits"\nsamples = 100\n[cv]\nfolds = 2\n'
        '[architectures.noisy]\nsource = "mine.py:Noisy"\n[architectures.lenet]\n'
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "refold",
            "doctor",
            "s.toml",
            "--json",
            "--home",
            str(tmp_path / "runs"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    found = {finding["subject"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert found["step of lenet"]["level"] == "ok"
    assert found["training"]["level"] == "ok"
    assert found["step of noisy"]["level"] == "problem"
    assert "RandomUniform" in found["step of noisy"]["what"]
    assert not (tmp_path / "runs").exists()
