"""Where MLflow's record of a sweep lives, and the view that writes it."""

from typing import TYPE_CHECKING

from sweeps.home import Home

if TYPE_CHECKING:
    from tracking.mlflow.view import MlflowView


def check_tracking_uri(tracking_uri: str) -> None:
    """Refuse a tracking URI that cannot be one.

    Raises:
        UsageError: saying why.
    """
    from tracking.mlflow.uri import check_uri

    check_uri(tracking_uri)


def mlflow_view(home: Home, tracking_uri: str, experiment: str) -> "MlflowView":
    """Return the view of ``experiment`` in MLflow."""
    from tracking.mlflow.uri import is_server
    from tracking.mlflow.view import MlflowView

    # A server has a place for artifacts, an SQLite file elsewhere has them beside it.
    elsewhere = is_server(tracking_uri) or tracking_uri.startswith("sqlite")
    artifacts = home.artifacts if home.is_own(tracking_uri) or not elsewhere else None
    return MlflowView(tracking_uri, artifacts, experiment, home.path / "datasets")
