"""Network architectures: six built in, one file each, and the user's own."""

from trainer.architectures.architecture import Architecture
from trainer.architectures.inspect import inspect_user
from trainer.architectures.middle import middle
from trainer.architectures.registry import BUILT_IN, built_in
from trainer.architectures.source import source_digest
from trainer.architectures.user import load_user

__all__ = [
    "BUILT_IN",
    "Architecture",
    "built_in",
    "inspect_user",
    "load_user",
    "middle",
    "source_digest",
]
