"""What is remembered: the ledger, the record it gives, and the MLflow view of it."""
