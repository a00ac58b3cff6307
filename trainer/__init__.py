"""Trains one fit: seeds, folds, data, architectures, training. Imports neither Optuna, MLflow nor Dask."""
