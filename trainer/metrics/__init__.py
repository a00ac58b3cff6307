"""Metrics: what a model's predictions are worth. A sweep has one that everything else follows from."""
