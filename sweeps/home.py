"""One folder holds everything a sweep leaves behind; this says what stands where in it."""

import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT = "refold-runs"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of the ledger, the datasets and, unless told otherwise, MLflow's store."""

    path: Path

    @classmethod
    def chosen(cls, option: str | None) -> "Home":
        """Return the home that ``--home`` names, else ``REFOLD_HOME``, else ``refold-runs`` here."""
        return cls(Path(option or os.environ.get("REFOLD_HOME") or DEFAULT).resolve())

    @property
    def worker_log(self) -> Path:
        """What the workers print."""
        return self.path / "workers.log"

    @property
    def artifacts(self) -> Path:
        """MLflow's artifacts, where MLflow's store is ours."""
        return self.path / "artifacts"

    def tracking_uri(self, option: str | None) -> str:
        """Return MLflow's store: ``--tracking-uri``, else ``MLFLOW_TRACKING_URI``, else SQLite in here."""
        own = f"sqlite:///{self.path / 'mlflow.db'}"
        return option or os.environ.get("MLFLOW_TRACKING_URI") or own

    def is_own(self, tracking_uri: str) -> bool:
        """Whether MLflow's store is the one in this folder."""
        return tracking_uri == f"sqlite:///{self.path / 'mlflow.db'}"
