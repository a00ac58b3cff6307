"""What is remembered of sweeps: the ledger, MLflow's view of it, reports. Knows nothing of Optuna or Dask."""
