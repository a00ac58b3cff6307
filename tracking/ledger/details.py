"""Where a sweep's parts were found: what may change from run to run while its outcome stays the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trainer.datasets import DatasetSource
from trainer.user_code import UserSource


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepDetails:
    """Where a sweep's parts were found.

    Attributes:
        folder: the sweep file's folder, absolute: relative paths in it start there.
        dataset: what the sweep file says about its data.
        experiment: MLflow's experiment.
        sources: the code of each architecture that is the user's own, by the architecture's name.
        tracking: where MLflow's record is, without what is secret, as ``sweeps.tracking_place`` writes it;
            None if the version of refold that recorded the sweep did not say.
        others: what a newer version of refold recorded beside these; kept as it is.
    """

    folder: str
    dataset: DatasetSource
    experiment: str
    sources: Mapping[str, UserSource]
    tracking: str | None = None
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
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "SweepDetails":
        """Rebuild the details from what ``to_json`` returned, in this version of refold or another.

        Raises:
            KeyError, TypeError: if they are damaged.
        """
        known = ("folder", "dataset", "experiment", "sources", "tracking")
        return cls(
            folder=data["folder"],
            dataset=DatasetSource.from_json(data["dataset"]),
            experiment=data["experiment"],
            sources={name: UserSource.from_json(source) for name, source in data["sources"].items()},
            tracking=data.get("tracking"),
            others={name: value for name, value in data.items() if name not in known},
        )

    def updated(self, now: "SweepDetails") -> "SweepDetails":
        """Return what is found ``now``; what it does not say, or only a newer refold understands, is kept."""
        tracking = self.tracking if now.tracking is None else now.tracking
        return replace(now, tracking=tracking, others={**self.others, **now.others})
