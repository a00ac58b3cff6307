"""The home: one folder with everything that sweeps leave behind, and where each thing lies in it."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from tracking.mlflow.uri import sqlite_file
from trainer.errors import UsageError

DEFAULT = "refold-runs"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of the ledger, the datasets and, by default, MLflow's store."""

    path: Path

    @classmethod
    def chosen(cls, option: str | None) -> "Home":
        """Return the home that ``--home`` names, else ``REFOLD_HOME``, else ``refold-runs`` here.

        Raises:
            UsageError: if it can be no folder: its links go in a circle, or it has a null character.
        """
        named = option or os.environ.get("REFOLD_HOME") or DEFAULT
        try:
            path = Path(named).resolve()
            path.exists()  # raises for a name that no disk takes
            return cls(path)
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"--home {named!r} is no path of a folder ({reason})") from None

    @property
    def worker_log(self) -> Path:
        """The file with what the workers print."""
        return self.path / "workers.log"

    @property
    def artifacts(self) -> Path:
        """The folder of MLflow's artifacts, if the home has its own MLflow store."""
        return self.path / "artifacts"

    @property
    def database(self) -> Path:
        """The file of the home's own MLflow store."""
        return self.path / "mlflow.db"

    @property
    def own_tracking_uri(self) -> str:
        """The URI of the MLflow store that is used by default: an SQLite file in the home."""
        return f"sqlite:///{self.database}"

    def is_own(self, tracking_uri: str) -> bool:
        """Whether a tracking URI means the MLflow store in this home, however its path is written."""
        file = sqlite_file(tracking_uri)
        return file is not None and file.resolve() == self.database.resolve()

    @property
    def option(self) -> str:
        """The option that names this home: a space and ``--home PATH``; empty for the default home."""
        return "" if Home.chosen(None) == self else f" --home {shlex.quote(str(self.path))}"
