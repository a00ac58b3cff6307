"""Models in MLflow: registered, described, served."""
