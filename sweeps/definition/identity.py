"""What makes a recorded sweep that sweep: its plan rebuilt from the record; whether refold can repeat it."""

from dataclasses import dataclass

from sweeps.definition.spec import CrossValidation, Plan, PlannedArchitecture, Prune, Search
from tracking.ledger.ledger import SweepEntry
from trainer.errors import UsageError
from trainer.fits.specs import PROCEDURE, FitSpec
from trainer.space_json import space_from_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not as recorded.

    Attributes:
        subject: what was compared, like ``"dataset"`` or ``"weights after epoch 3"``.
        where: the sweep, trial or fit it belongs to.
        what: recorded and found, and how far they are apart where that can be said.
    """

    subject: str
    where: str
    what: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.where}: {self.subject}: {self.what}"


def plan_of(entry: SweepEntry) -> Plan:
    """Rebuild a sweep's plan from its recorded identity.

    Raises:
        UsageError: if the identity is not one.
    """
    identity = entry.identity
    try:
        return Plan(
            seed=identity["seed"],
            dataset=identity["dataset"],
            trials=entry.trials,
            cv=CrossValidation(**identity["cv"]),
            search=Search(**identity["search"]),
            prune=Prune(**identity["prune"] | {"rungs": tuple(identity["prune"]["rungs"])}),
            architectures=tuple(
                PlannedArchitecture(
                    name=name,
                    digest=identity["architectures"][name]["digest"],
                    space=space_from_json(identity["architectures"][name]["space"]),
                )
                for name in entry.architectures
            ),
            platform=entry.environment.platform,
            device=identity.get("device", "cpu"),
        )
    except (KeyError, TypeError, ValueError) as error:
        for difference in procedure_differences(entry):  # an older refold's identity had other parts
            raise UsageError(str(difference)) from error
        raise UsageError(f"the record of {entry.name!r} is damaged: its identity lacks {error}") from error


def procedure_differences(entry: SweepEntry) -> list[Difference]:
    """Check that refold trains as it did when the sweep was recorded: it cannot repeat what it did before."""
    then = entry.identity.get("procedure")
    if then == PROCEDURE:
        return []
    what = f"{then} recorded, {PROCEDURE} here: use the version of refold that ran the sweep"
    return [Difference(subject="procedure of training", where=entry.name, what=what)]


def check_device(entry: SweepEntry) -> None:
    """Refuse to train a sweep's fits here where GPUs trained them: processors round differently.

    Raises:
        UsageError: if they were.
    """
    if (device := entry.identity.get("device", "cpu")) != "cpu":
        raise UsageError(
            f"the sweep {entry.name!r} was trained on GPUs (device = {device!r}), and so far only 'refold "
            "run' uses them: this command trains on processors, which round differently"
        )


def where(spec: FitSpec, number: int) -> str:
    """Return how a fit is called: architecture, trial, fold."""
    return f"{spec.architecture} t{number:04} fold {spec.fold}"
