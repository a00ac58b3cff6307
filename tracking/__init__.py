"""Records sweeps: the ledger, its view in MLflow, reports. Imports neither Optuna nor Dask."""
