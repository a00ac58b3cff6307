"""One folder holds everything a sweep leaves behind; this says what stands where in it."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from tracking.mlflow.uri import sqlite_file

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

    @property
    def own_tracking_uri(self) -> str:
        """The MLflow store that is used unless told otherwise: an SQLite file in here."""
        return f"sqlite:///{self.path / 'mlflow.db'}"

    def is_own(self, tracking_uri: str) -> bool:
        """Whether MLflow's store is the one in this folder, however its path is written."""
        file = sqlite_file(tracking_uri)
        return file is not None and file.resolve() == (self.path / "mlflow.db").resolve()

    @property
    def option(self) -> str:
        """What a command line needs to find this home from here: a space and ``--home``, or nothing."""
        return "" if Home.chosen(None) == self else f" --home {shlex.quote(str(self.path))}"
