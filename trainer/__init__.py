"""What one fit is: seeds, folds, data, architectures, training. Knows nothing of Optuna, MLflow or Dask."""
