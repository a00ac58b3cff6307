"""Network architectures: six built in, one file each, and the user's own."""

from trainer.architectures.architecture import Architecture
from trainer.architectures.registry import BUILT_IN, built_in

__all__ = ["BUILT_IN", "Architecture", "built_in"]
