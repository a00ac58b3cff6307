"""refold: hyperparameter sweeps over several architectures that repeat bit for bit.

For notebooks and other programs::

    import refold

    outcome = refold.run("digits.toml")  # or refold.run(refold.SweepSpec(name="digits"))
    outcome  # the leaderboard; also .trials(), .folds(), .epochs(), as pandas has them
    outcome.plot_folds()  # a matplotlib figure; also .plot_history(), .plot_curves(), .plot_confusion(), ...
    outcome.export()  # the best model, in a folder of its own
    refold.open("digits")  # the same sweep, another day

This package only names the public API; ``sweeps``, ``tracking`` and ``trainer`` hold the code. Each name is
imported when it is first used, so ``import refold`` costs nothing.
"""

# Imported first: it makes sure that no module of the user's takes the place of a package of refold's.
from refold import import_path as _import_path  # noqa: F401

# isort: split

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeps.api.evaluation import evaluate as evaluate
    from sweeps.api.inspection import inspect as inspect
    from sweeps.api.record import compare as compare
    from sweeps.api.record import export as export
    from sweeps.api.record import open as open  # noqa: A004
    from sweeps.api.record import plan as plan
    from sweeps.api.record import remove as remove
    from sweeps.api.record import sync as sync
    from sweeps.api.record import variance as variance
    from sweeps.api.record import verify as verify
    from sweeps.api.scoring import score as score
    from sweeps.api.sweep import Cluster as Cluster
    from sweeps.api.sweep import load as load
    from sweeps.api.sweep import ready as ready
    from sweeps.api.sweep import run as run
    from sweeps.definition.architecture_choice import ArchitectureChoice as ArchitectureChoice
    from sweeps.definition.spec import Compare as Compare
    from sweeps.definition.spec import CrossValidation as CrossValidation
    from sweeps.definition.spec import Limits as Limits
    from sweeps.definition.spec import Prune as Prune
    from sweeps.definition.spec import Search as Search
    from sweeps.definition.spec import SweepSpec as SweepSpec
    from sweeps.execution.workers import WorkersFailed as WorkersFailed
    from sweeps.export.predict import predict as predict
    from sweeps.outcome import Outcome as Outcome
    from tracking.errors import DiskFull as DiskFull
    from tracking.errors import ViewUnavailable as ViewUnavailable
    from trainer.datasets import Arrays as Arrays
    from trainer.datasets import DatasetSource as DatasetSource
    from trainer.errors import Mismatch as Mismatch
    from trainer.errors import RefoldError as RefoldError
    from trainer.errors import UsageError as UsageError
    from trainer.hyperparameters import Choice as Choice
    from trainer.hyperparameters import Fixed as Fixed
    from trainer.hyperparameters import Float as Float
    from trainer.hyperparameters import Integer as Integer

#: Each public name: the module that defines it, and its name there.
_PUBLIC = {
    "evaluate": "sweeps.api.evaluation:evaluate",
    "inspect": "sweeps.api.inspection:inspect",
    "compare": "sweeps.api.record:compare",
    "export": "sweeps.api.record:export",
    "open": "sweeps.api.record:open",
    "plan": "sweeps.api.record:plan",
    "remove": "sweeps.api.record:remove",
    "sync": "sweeps.api.record:sync",
    "variance": "sweeps.api.record:variance",
    "verify": "sweeps.api.record:verify",
    "score": "sweeps.api.scoring:score",
    "Cluster": "sweeps.api.sweep:Cluster",
    "load": "sweeps.api.sweep:load",
    "ready": "sweeps.api.sweep:ready",
    "run": "sweeps.api.sweep:run",
    "ArchitectureChoice": "sweeps.definition.architecture_choice:ArchitectureChoice",
    "CrossValidation": "sweeps.definition.spec:CrossValidation",
    "Limits": "sweeps.definition.spec:Limits",
    "Compare": "sweeps.definition.spec:Compare",
    "Prune": "sweeps.definition.spec:Prune",
    "Search": "sweeps.definition.spec:Search",
    "SweepSpec": "sweeps.definition.spec:SweepSpec",
    "WorkersFailed": "sweeps.execution.workers:WorkersFailed",
    "predict": "sweeps.export.predict:predict",
    "Outcome": "sweeps.outcome:Outcome",
    "DiskFull": "tracking.errors:DiskFull",
    "ViewUnavailable": "tracking.errors:ViewUnavailable",
    "Arrays": "trainer.datasets:Arrays",
    "DatasetSource": "trainer.datasets:DatasetSource",
    "Mismatch": "trainer.errors:Mismatch",
    "RefoldError": "trainer.errors:RefoldError",
    "UsageError": "trainer.errors:UsageError",
    "Choice": "trainer.hyperparameters:Choice",
    "Fixed": "trainer.hyperparameters:Fixed",
    "Float": "trainer.hyperparameters:Float",
    "Integer": "trainer.hyperparameters:Integer",
}

__all__ = list(_PUBLIC)
__version__ = version("refold")


if not TYPE_CHECKING:  # to type checkers a name that is not listed above is a mistake

    def __getattr__(name: str) -> Any:
        if name not in _PUBLIC:
            raise AttributeError(f"module 'refold' has no attribute {name!r}")
        module, _, attribute = _PUBLIC[name].partition(":")
        return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
