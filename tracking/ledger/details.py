"""What is kept of a sweep beside its identity: where its parts were found, and how it is compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trainer.datasets import DatasetSource
from trainer.user_code import UserSource


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepDetails:
    """Where a sweep's parts were found, and the difference that does not matter in comparing its winners.

    Attributes:
        folder: the sweep file's folder, absolute: relative paths in it start there.
        dataset: the dataset settings of the sweep file.
        experiment: name of the experiment in MLflow.
        sources: the code of the user's own architectures, by name.
        tracking: where MLflow's record is, without secrets, as ``sweeps.tracking_place`` writes it; None if
            the version of refold that recorded the sweep did not keep it.
        rope: the largest difference of scores that does not matter, fixed when the sweep began; None for the
            usual one of its metric.
        others: fields that a newer version of refold recorded beside these; kept unchanged.
    """

    folder: str
    dataset: DatasetSource
    experiment: str
    sources: Mapping[str, UserSource]
    tracking: str | None = None
    rope: float | None = None
    others: Mapping[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Return the details as plain JSON data; ``from_json`` is the inverse."""
        return {
            **self.others,
            "folder": self.folder,
            "dataset": self.dataset.to_json(),
            "experiment": self.experiment,
            "sources": {name: source.to_json() for name, source in self.sources.items()},
            **({} if self.tracking is None else {"tracking": self.tracking}),
            **({} if self.rope is None else {"rope": self.rope}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "SweepDetails":
        """Rebuild the details from what ``to_json`` returned, in this version of refold or another.

        Raises:
            KeyError, TypeError: if they are damaged.
        """
        known = ("folder", "dataset", "experiment", "sources", "tracking", "rope")
        texts = (data["folder"], data["experiment"], data.get("tracking") or "")
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("folder, experiment and tracking are texts")
        if not isinstance(data.get("rope"), float | None):
            raise TypeError("rope is a number")
        return cls(
            folder=data["folder"],
            dataset=DatasetSource.from_json(data["dataset"]),
            experiment=data["experiment"],
            sources={name: UserSource.from_json(source) for name, source in data["sources"].items()},
            tracking=data.get("tracking"),
            rope=data.get("rope"),
            others={name: value for name, value in data.items() if name not in known},
        )

    def changed_files(self, now: "SweepDetails") -> dict[str, list[str]]:
        """Return the names of the files that each architecture has read in another content now."""
        return {
            name: before.changed(source)
            for name, source in now.sources.items()
            if (before := self.sources.get(name)) and before.digest != source.digest
        }

    def updated(self, now: "SweepDetails") -> "SweepDetails":
        """Return ``now``, completed by these details where it has none; ``rope`` and ``others`` are kept."""
        tracking = self.tracking if now.tracking is None else now.tracking
        return replace(now, tracking=tracking, rope=self.rope, others={**self.others, **now.others})
