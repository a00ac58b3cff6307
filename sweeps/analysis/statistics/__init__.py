"""Statistics of repeated cross-validation: pure functions of numbers, one subject a file.

Nothing here knows sweeps, ledgers or files. ``docs/statistics.md`` says what each is used for and what was
simulated. Scores are macro-F1 (or any score) in [0, 1]; differences are in [-1, 1].
"""
