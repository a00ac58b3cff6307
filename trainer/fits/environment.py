"""What a fit ran on: versions, processor, switches. Recorded beside every result, never part of its key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: A switch as TensorFlow or Keras says it.
Switch = bool | int | float | str

#: Packages that must be equal for two fits to belong to one sweep.
DECIDING = ("tensorflow", "keras", "numpy", "scikit-learn", "optuna")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What a process found itself to be.

    Attributes:
        packages: versions by the package's name; "not installed" where there is none.
        python: its version.
        system: operating system and kind of machine, ``"Linux x86_64"``.
        device: what it trains on.
        cpu: what tells one kind of processor from another, as ``/proc/cpuinfo`` names it; vector
            instructions under ``"vectors"``.
        gpu: kind of the GPU and what drives it; None on a processor.
        switches: what TensorFlow and Keras were told; empty where TensorFlow was not imported.
        variables: of the environment, those that decide bits.
        others: what another version of refold recorded beside these; kept as it is.
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
            KeyError, AttributeError: if it is damaged.
        """
        known = set(cls.__slots__) - {"others"}
        return cls(
            **{name: value for name, value in data.items() if name in known},
            others={name: value for name, value in data.items() if name not in known},
        )

    @property
    def software(self) -> dict[str, str]:
        """What must be equal for two fits to belong to one sweep."""
        return {name: self.packages[name] for name in DECIDING}

    @property
    def platform(self) -> tuple[tuple[str, str], ...]:
        """What decides bits beside a fit's own settings, as sorted (name, value) pairs."""
        kinds = {"processor": " ".join(str(self.cpu[name]) for name in sorted(self.cpu))}
        if self.gpu:
            kinds["gpu"] = self.gpu
        return tuple(sorted({**self.software, **kinds}.items()))
