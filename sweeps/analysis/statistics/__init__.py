"""Statistics of repeated cross-validation: pure functions of numbers, one subject a file.

No module here uses sweeps, ledgers or files. ``docs/statistics.md`` says what each is for, and how it was
checked in simulations. Scores are macro-F1 (or any score) in [0, 1]; differences are in [-1, 1].
"""
