"""Which hyperparameters are tried, in which order, and which trials end early. Pure; Optuna is asked here."""
