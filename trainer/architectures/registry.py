"""The built-in architectures by name. Importing it imports no TensorFlow."""

from collections.abc import Mapping
from types import MappingProxyType

from trainer.architectures.architecture import Architecture
from trainer.architectures.baseline import BASELINE
from trainer.architectures.densenet import DENSENET
from trainer.architectures.lenet import LENET
from trainer.architectures.mobilenet import MOBILENET
from trainer.architectures.resnet import RESNET
from trainer.architectures.vgg import VGG
from trainer.errors import UsageError
from trainer.spelling import nearest

#: In the order in which sweeps schedule them and tables list them.
BUILT_IN: Mapping[str, Architecture] = MappingProxyType(
    {architecture.name: architecture for architecture in (BASELINE, LENET, VGG, RESNET, DENSENET, MOBILENET)}
)


def built_in(name: str) -> Architecture:
    """Return the built-in architecture called ``name``.

    Raises:
        UsageError: if there is none; the message offers the nearest spelling.
    """
    try:
        return BUILT_IN[name]
    except KeyError:
        raise UsageError(f"no built-in architecture {name!r}: {nearest(name, BUILT_IN)}") from None
