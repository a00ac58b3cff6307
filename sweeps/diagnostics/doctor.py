"""``refold doctor``: finds what would harm repeatability or speed on this machine before a sweep begins.

Each check is a function of plain facts; ``examine`` gathers the facts. A *problem* would break the promise of
identical bytes, or stop a sweep from finishing. A *note* is worth knowing.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from sweeps.definition.prepare import Prepared
from sweeps.diagnostics.look_alikes import look_alikes
from sweeps.diagnostics.machine import (
    Mount,
    Pins,
    available_cores,
    available_memory,
    existing,
    gpus,
    installed,
    mount_of,
    mounts,
    pins,
    read,
    worker_count,
)
from sweeps.diagnostics.rehearsal import Rehearsal, rehearse
from sweeps.home import Home
from trainer.fits.environment import Environment
from trainer.process.preflight_messages import StepFailed, StepPassed
from trainer.quantities import counted, duration, size
from trainer.runtime.determinism import ENVIRONMENT, FORBIDDEN, SWITCHES
from trainer.runtime.environment import environment

#: Packages whose versions decide bits, folds or proposals; then packages whose versions seldom matter.
DECIDING = ("tensorflow", "keras", "numpy", "scikit-learn", "optuna")
BESIDE = ("scipy", "ml-dtypes", "pillow", "distributed", "mlflow")

#: Network file systems: another machine may have the file open, and SQLite's locks are not safe.
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs"}
    | {"pvfs2", "orangefs", "ocfs2", "gfs2", "davfs", "coda", "vboxsf", "prl_fs", "vmhgfs"}
)

#: Approximate bytes that ledger, MLflow's store and logs need in addition to the dataset.
ROOM = 200_000_000

Level = Literal["problem", "note", "ok"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check, and the advice on it (empty if there is nothing to do)."""

    subject: str
    level: Level
    what: str
    do: str = ""


def versions(wanted: Pins, have: Mapping[str, str | None]) -> list[Finding]:
    """Compare the installed packages with the pinned versions; those that decide bits come first."""
    found = []
    for package in (*DECIDING, *BESIDE):
        requirement, here = wanted.wanted.get(package), have[package]
        if requirement is None:
            continue
        # A local version ("2.21.0+nv1") is another build, which "==2.21.0" would let pass.
        fits = here is not None and requirement.specifier.contains(here, prereleases=True) and "+" not in here
        if not fits:
            decides = package in DECIDING or here is None
            why = "its bits differ from the pinned version's" if decides else "seldom changes bits"
            level: Level = "problem" if decides else "note"
            there = f"{package} {here or 'is not installed'}"
            what = f"{there}; {wanted.source} requires {requirement.specifier}: {why}"
            command = (
                f"-c {wanted.source} {package}" if wanted.exact else f"'{package}{requirement.specifier}'"
            )
            found.append(Finding("versions", level, what, f"pip install {command}"))
    if not any(finding.level == "problem" for finding in found):
        listed = ", ".join(f"{package} {have[package]}" for package in DECIDING)
        found.insert(0, Finding("versions", "ok", f"{listed}: as {wanted.source} requires them"))
    if not wanted.exact:
        what = (
            "no constraints.txt beside refold or the sweep file, or here: only version ranges were compared"
        )
        advice = "keep the output of 'pip freeze' with your results, or install with refold's constraints.txt"
        found.append(Finding("versions", "note", what, advice))
    return found


def variables(here: Mapping[str, str]) -> list[Finding]:
    """Report variables that training processes do not see, those that they inherit, and misspelt ones."""
    found = []
    kept_out = [f"{n}={here[n]}" for n, value in ENVIRONMENT.items() if here.get(n, value) != value]
    kept_out += [f"{name}={here[name]}" for name in FORBIDDEN if name in here]
    if kept_out:
        what = f"{', '.join(kept_out)}: set here, without effect on training (which sets its own values)"
        found.append(Finding("variables", "note", what))
    if "glibc.cpu" in here.get("GLIBC_TUNABLES", ""):
        what = f"GLIBC_TUNABLES={here['GLIBC_TUNABLES']} reaches training and can choose other kernels"
        found.append(Finding("variables", "problem", what, "unset GLIBC_TUNABLES"))
    for each in look_alikes(here):
        own = "that one" if each.fixed else "what decides bits"
        what = (
            f"{each.name} looks like a misspelt {each.meant}, so nothing reads it; refold sets {own} itself "
            "in its training processes"
        )
        advice = f"unset {each.name}, or spell it {each.meant} if other programs need it"
        found.append(Finding("variables", "note", what, advice))
    return found or [Finding("variables", "ok", "no variable is set here that could change bits")]


def switches(process: Environment) -> list[Finding]:
    """Compare the environment that a training process reports with the promised one."""
    wrong = [
        f"{name} is {process.switches.get(name)}, not {value}"
        for name, value in SWITCHES.items()
        if process.switches.get(name) != value
    ]
    got = process.variables
    wrong += [f"{n} is {got.get(n)}, not {value}" for n, value in ENVIRONMENT.items() if got.get(n) != value]
    wrong += [f"{name} is set" for name in FORBIDDEN if name in got]
    if wrong:
        advice = "remove the cause that changes new processes (sitecustomize, a wrapper of python)"
        return [Finding("training", "problem", f"a training process reports: {'; '.join(wrong)}", advice)]
    what = "a training process reports: 1 thread, op determinism on, oneDNN on, XLA off, float32, no GPU"
    return [Finding("training", "ok", what)]


def processor(cpu: Mapping[str, str], cards: Sequence[str]) -> list[Finding]:
    """Report the kind of machine that the promise is for."""
    flags = set(cpu.get("vectors", "").split())
    widest = [flag for flag in ("amx_tile", "avx512f", "avx2", "avx", "sse4_2") if flag in flags][:2]
    kind = f"{cpu['model name']} ({', '.join(widest) or 'vector extensions unknown'})"
    what = f"{kind}: identical bytes are promised on this kind of processor only"
    advice = "compare digests between machines of one kind"
    found = [Finding("processor", "note", what, advice)]
    if cards:
        what = f"{', '.join(cards)}: here but not used: training runs on the CPU, where TF32 does not exist"
        return [*found, Finding("gpu", "note", what)]
    return [
        *found,
        Finding("gpu", "ok", "none, and none is needed: training runs on the CPU, where TF32 does not exist"),
    ]


def home_folder(path: Path, known: Sequence[Mount]) -> list[Finding]:
    """Report whether the home can be written, and whether SQLite's locks are safe on its file system."""
    found = []
    place = existing(path)
    if not place.is_dir():
        found.append(Finding("home", "problem", f"{place} is not a folder", "choose another with --home"))
    elif not os.access(place, os.W_OK | os.X_OK):
        found.append(Finding("home", "problem", f"{place} cannot be written", "choose another with --home"))
    mount = mount_of(place.resolve(), known)
    kind = mount.kind if mount else "a file system that is not listed"
    if kind in NETWORK or kind.startswith("fuse.") or kind == "fuse":
        what = f"{path} is on {kind}: SQLite's locks are not safe there, and the ledger could be damaged"
        found.append(Finding("home", "problem", what, "choose a folder on a local disk with --home"))
    elif kind in ("tmpfs", "ramfs"):
        what = f"{path} is on {kind}: it is memory, and lost at the next reboot"
        found.append(Finding("home", "note", what, "choose a folder on a disk with --home to keep results"))
    elif kind == "overlay":
        what = f"{path} is on a container's own layer: lost when the container is removed"
        found.append(Finding("home", "note", what, "mount a folder of the host and name it with --home"))
    return found or [Finding("home", "ok", f"{path} can be written, on {kind}, where SQLite's locks hold")]


def disk(free: int, needed: int) -> list[Finding]:
    """Report whether the dataset's copy and the records fit on the home's disk."""
    what = f"{size(free)} free where the home is; the sweep's data takes {size(needed)}"
    if free < needed + ROOM:
        return [
            Finding("disk", "problem", what, f"make room for {size(needed + ROOM)}, or choose another --home")
        ]
    return [Finding("disk", "ok", what)]


def memory(worker: int, workers: int, available: int | None) -> list[Finding]:
    """Report whether the workers fit into the available memory.

    Args:
        worker: bytes that one worker needs.
        workers: number of workers.
        available: bytes that are available; None if unknown.
    """
    need = f"{counted(workers, 'worker')} at about {size(worker)} each: {size(workers * worker)}"
    if available is None:
        return [
            Finding("memory", "note", f"{need}; this system does not say what is free", "watch the memory")
        ]
    fit = available // worker
    what = f"{need}; {size(available)} are available, enough for {fit}"
    if fit >= workers:
        return [Finding("memory", "ok", what)]
    advice = (
        f"--workers {fit}: the result is the same" if fit else "free memory, or use fewer or smaller images"
    )
    return [Finding("memory", "problem", f"{what}: the system would kill training processes", advice)]


def cores(workers: int, available: int) -> list[Finding]:
    """Report whether each worker has a core."""
    what = f"{counted(workers, 'worker')} on {counted(available, 'core')}"
    if workers > available:
        advice = f"--workers {available}: the result is the same"
        return [
            Finding("cores", "note", f"{what}: more than one worker per core only slows them down", advice)
        ]
    return [Finding("cores", "ok", what)]


def step(name: str, outcome: StepPassed | StepFailed) -> Finding:
    """Report the result of one architecture's training step."""
    subject = f"step of {name}"
    if isinstance(outcome, StepFailed):
        at = f"the op {outcome.node}: " if outcome.node else ""
        if outcome.deterministic:
            what, advice = f"failed: {at}{outcome.error}", "correct the architecture, or narrow its ranges"
        else:
            what = f"has no deterministic form: {at}{outcome.error}"
            advice = "replace that op, or draw random numbers through keras.random with a SeedGenerator"
        return Finding(subject, "problem", what, advice)
    if not outcome.repeats:
        what = "two steps from the same seeds gave different bytes"
        advice = (
            "draw randomness only through Keras' layers and initialisers; keep no state outside the model"
        )
        return Finding(subject, "problem", what, advice)
    if not outcome.finite:
        what = "repeats, but in the middle of its ranges the loss is not a number after two batches"
        return Finding(subject, "note", what, "narrow its learning_rate in the sweep file")
    return Finding(subject, "ok", f"repeats byte for byte under op determinism ({duration(outcome.seconds)})")


def examine(prepared: Prepared | None, home: Home, workers: int | None) -> list[Finding]:
    """Run all checks.

    Args:
        prepared: the sweep; without one, the built-in baseline is tried on made-up images.
        home: the home for the sweep's records.
        workers: number of training processes; one per core if None.
    """
    count = worker_count(workers)
    beside = [Path(__file__).parent.parent, *([prepared.spec.folder] if prepared else []), Path()]
    data = prepared.dataset.images.nbytes if prepared else 0
    stored = prepared is not None and (home.path / "datasets" / prepared.dataset.fingerprint).exists()
    return [
        *versions(pins(beside), installed((*DECIDING, *BESIDE))),
        *variables(os.environ),
        *processor(environment().cpu, gpus()),
        *home_folder(home.path, mounts(read("/proc/mounts"))),
        *disk(shutil.disk_usage(existing(home.path)).free, 0 if stored else data),
        *cores(count, available_cores()),
        *_rehearsed(rehearse(prepared), data, count),
        *(Finding("own seeds", "note", remark) for remark in (prepared.remarks if prepared else ())),
    ]


def _rehearsed(rehearsal: Rehearsal, data: int, workers: int) -> list[Finding]:
    """Return the findings from the reports of the training processes."""
    if rehearsal.process is None:
        advice = "run the command again; if that does not help, install refold again with its constraints.txt"
        return [Finding("training", "problem", f"no training process starts: {rehearsal.died}", advice)]
    found = switches(rehearsal.process)
    if rehearsal.peak:
        # The step used a part of the images; a worker copies all.
        found += memory(rehearsal.peak + data, workers, available_memory(read("/proc/meminfo")))
    return found + [step(name, outcome) for name, outcome in rehearsal.steps.items()]
