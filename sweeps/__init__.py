"""Sweeps: the file, the proposals, the schedule, the workers, the command line.

For notebooks and scripts::

    import sweeps

    outcome = sweeps.run("digits.toml")  # or sweeps.run(sweeps.SweepSpec(name="digits"))
    outcome.trials()  # pandas: one row a trial; also .folds() and .epochs()
    outcome.export()  # the best model, in a folder of its own
"""

from sweeps.outcome import Outcome
from sweeps.sessions import Cluster, load, ready, run
from sweeps.spec import ArchitectureChoice, CrossValidation, Limits, Search, SweepSpec

__all__ = [
    "ArchitectureChoice",
    "Cluster",
    "CrossValidation",
    "Limits",
    "Outcome",
    "Search",
    "SweepSpec",
    "load",
    "ready",
    "run",
]
