"""MLflow as a view of the ledger: runs, models, and MLflow's own pages."""
