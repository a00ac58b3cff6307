"""The settings that ``original_question`` compares: plain data, one row of its table each."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One way to train the network.

    Attributes:
        key: short name, for ``reference`` and progress lines.
        title: what the table calls it.
        trainer: ``"keras"`` is plain ``model.fit``; ``"process"`` is refold as a sweep uses it
            (``TrainingProcess``); ``"direct"`` is refold's ``train`` in a process that ``one_training``
            sets up, where a measure can be removed (a ``TrainingProcess`` would refuse).
        reference: key of the setting whose bytes these runs are compared with; None for a reference.
        at_full_size: whether it is trained on all images, or on the smaller part used for the removals.
        seeds: plain Keras only: set the question's seeds.
        threads: intra-op threads.
        interop_threads: inter-op threads.
        op_determinism: refold only: switch TensorFlow's op determinism on.
        data_order: refold only: whose permutation decides the order of the images.
        redrawn: refold only: the seeds that every run draws anew from the system.
        other_thread: refold only: another thread draws from Python's ``random`` all the time.
        variables: environment variables that differ from the trainer's own; None removes one.
    """

    key: str
    title: str
    trainer: Literal["keras", "process", "direct"]
    reference: str | None = None
    at_full_size: bool = False
    seeds: bool = False
    threads: int = 1
    interop_threads: int = 1
    op_determinism: bool = True
    data_order: Literal["refold", "keras"] = "refold"
    redrawn: tuple[str, ...] = ()
    other_thread: bool = False
    variables: tuple[tuple[str, str | None], ...] = ()


def _removed(key: str, title: str, **what: object) -> Setting:
    """Return refold with one measure removed."""
    return Setting(key=key, title=title, trainer="direct", reference="small", **what)  # type: ignore[arg-type]


MAIN = (
    Setting(key="unseeded", title="plain Keras, no seeds", trainer="keras", at_full_size=True),
    Setting(key="seeded", title="plain Keras, all seeds", trainer="keras", at_full_size=True, seeds=True),
    Setting(
        key="seeded-2",
        title="plain Keras, all seeds, two threads",
        trainer="keras",
        reference="seeded",
        at_full_size=True,
        seeds=True,
        threads=2,
    ),
    Setting(key="refold", title="refold", trainer="process", at_full_size=True),
)

REMOVED = (
    Setting(key="small", title="refold (the reference for the rows below)", trainer="process"),
    _removed("control", "nothing removed (checks the experiment itself)"),
    _removed("no-determinism", "op determinism off", op_determinism=False),
    _removed("threads", "two intra-op threads", threads=2),
    _removed(
        "threads-no-determinism",
        "two intra-op threads and op determinism off",
        threads=2,
        op_determinism=False,
    ),
    _removed("inter-threads", "two inter-op threads", interop_threads=2),
    _removed("no-onednn", "oneDNN off", variables=(("TF_ENABLE_ONEDNN_OPTS", "0"),)),
    _removed("avx2", "oneDNN capped at AVX2", variables=(("ONEDNN_MAX_CPU_ISA", "AVX2"),)),
    _removed("hash-seed", "PYTHONHASHSEED not set", variables=(("PYTHONHASHSEED", None),)),
    _removed("keras-order", "Keras' shuffle in place of our order", data_order="keras"),
    _removed("no-initialisation", "initialisation seed not fixed", redrawn=("initialisation",)),
    _removed("no-order", "data order seed not fixed", redrawn=("order",)),
    _removed("no-dropout", "dropout seed not fixed", redrawn=("dropout",)),
    _removed("other-thread", "another thread draws from Python's `random`", other_thread=True),
)
