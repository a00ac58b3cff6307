"""Conclusions from recorded sweeps: comparisons, variance analyses, sample sizes."""
