"""Where a fit ran: versions, processor, switches. Recorded with every result; keys have only ``platform``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: The value of a switch as TensorFlow or Keras reports it.
Switch = bool | int | float | str

#: Packages that must be equal for two fits to belong to one sweep.
DECIDING = ("tensorflow", "keras", "numpy", "scikit-learn", "optuna")


#: What JSON may have in each field, for the fields that everything else relies on.
_TYPES: Mapping[str, type] = {
    **dict.fromkeys(("packages", "cpu", "switches", "variables"), dict),
    **dict.fromkeys(("python", "system", "device"), str),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The software, machine and settings of a process.

    Attributes:
        packages: versions by the package's name; "not installed" for a missing one.
        python: Python's version.
        system: operating system and kind of machine, ``"Linux x86_64"``.
        device: what it trains on.
        cpu: the fields of ``/proc/cpuinfo`` that identify a kind of processor; vector instructions under
            ``"vectors"``.
        gpu: kind of the GPU, with its CUDA and cuDNN; None if the process trains on a processor.
        switches: settings of TensorFlow and Keras; empty if TensorFlow was not imported.
        variables: the environment variables that decide bits.
        others: fields that another version of refold recorded beside these; kept unchanged.
    """

    packages: Mapping[str, str]
    python: str = ""
    system: str = ""
    device: Literal["cpu", "gpu"] = "cpu"
    cpu: Mapping[str, str] = field(default_factory=dict)
    gpu: str | None = None
    switches: Mapping[str, Switch] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Return the environment as plain JSON data; ``from_json`` is the inverse."""
        return {
            **self.others,
            "packages": dict(self.packages),
            "python": self.python,
            "system": self.system,
            "device": self.device,
            "cpu": dict(self.cpu),
            **({} if self.gpu is None else {"gpu": self.gpu}),
            "switches": dict(self.switches),
            "variables": dict(self.variables),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Environment":
        """Rebuild an environment from what ``to_json`` returned, in this version of refold or another.

        Raises:
            KeyError, AttributeError, TypeError: if it is damaged.
        """
        for name, kind in _TYPES.items():
            if not isinstance(data.get(name, kind()), kind):
                raise TypeError(f"{name} is a {type(data[name]).__name__}")
        if not all(isinstance(version, str) for version in data["packages"].values()):
            raise TypeError("a version is no text")
        known = set(cls.__slots__) - {"others"}
        return cls(
            **{name: value for name, value in data.items() if name in known},
            others={name: value for name, value in data.items() if name not in known},
        )

    @property
    def software(self) -> dict[str, str]:
        """Versions that must be equal for two fits to belong to one sweep."""
        return {name: self.packages[name] for name in DECIDING}

    @property
    def platform(self) -> tuple[tuple[str, str], ...]:
        """What decides bits besides a fit's own settings, as sorted (name, value) pairs."""
        kinds = {"processor": " ".join(str(self.cpu[name]) for name in sorted(self.cpu))}
        if self.gpu:
            kinds["gpu"] = self.gpu
        return tuple(sorted({**self.software, **kinds}.items()))
