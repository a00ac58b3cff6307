"""Which hyperparameters are tried, in which order, and which trials end early: pure functions, and Optuna."""
