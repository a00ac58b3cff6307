"""MLflow brought up to date with a sweep's record. It only shows what the ledger holds."""
