"""What one fit is, as plain data and rules: spec, seeds, folds, stopping, metrics, results. No TensorFlow."""
