"""Experiments that anyone can run: ``python -m benchmarks.<name>``. Not part of the installed package."""
