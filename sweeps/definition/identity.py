"""A recorded sweep's identity: its plan rebuilt from the record, and whether this refold can repeat it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeps.definition.changes import Change
from sweeps.definition.plan import Plan, PlannedArchitecture, given
from sweeps.definition.requirements import version_of_refold
from sweeps.definition.spec import CrossValidation, Prune, Search
from tracking.ledger.entry import SweepEntry
from trainer.canonical import digest, optional_of
from trainer.errors import UsageError
from trainer.fits.specs import PROCEDURE
from trainer.hyperparameters import Hyperparameters, Space
from trainer.space_json import space_from_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not as recorded.

    Attributes:
        subject: what was compared, like ``"dataset"`` or ``"weights after epoch 3"``.
        where: the sweep, trial or fit it belongs to.
        what: the recorded and the found value, and the size of the difference if it has one.
    """

    subject: str
    where: str
    what: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.where}: {self.subject}: {self.what}"


@dataclass(frozen=True, slots=True)
class Identity:
    """A recorded identity, read part by part, because older versions of refold recorded other parts.

    Attributes:
        data: the identity as recorded; the sweep's key is its digest.
    """

    data: Mapping[str, Any]

    @property
    def key(self) -> str:
        """SHA-256 of the identity."""
        return digest(self.data)

    @property
    def seed(self) -> int | None:
        """The sweep's seed."""
        return self.data.get("seed")

    @property
    def dataset(self) -> str | None:
        """The dataset's fingerprint."""
        return self.data.get("dataset")

    @property
    def procedure(self) -> int | None:
        """The training procedure that the sweep was begun with."""
        return self.data.get("procedure")

    @property
    def device(self) -> str:
        """The device that the sweep is trained on."""
        device: str = self.data.get("device", "cpu")
        return device

    @property
    def folds(self) -> int | None:
        """Number of folds of the cross-validation."""
        folds: int | None = self.data.get("cv", {}).get("folds")
        return folds

    @property
    def architectures(self) -> list[str]:
        """The names of the architectures, sorted: their order is not part of the identity."""
        return sorted(self.data.get("architectures", {}))

    def digest_of(self, architecture: str) -> str:
        """Return the digest of an architecture's source."""
        found: str = self.data["architectures"][architecture]["digest"]
        return found

    def space_of(self, architecture: str) -> Space:
        """Return the space that an architecture's hyperparameters are proposed from."""
        return space_from_json(self.data["architectures"][architecture]["space"])

    def start_of(self, architecture: str) -> tuple[Hyperparameters, ...]:
        """Return an architecture's starting points."""
        return tuple(map(dict, self.data["architectures"][architecture].get("start", ())))

    def given(self, architecture: str, number: int) -> Hyperparameters:
        """Return the values that a trial has from a starting point; none if it has none."""
        return given(self.start_of(architecture), number)


def identity_of(entry: SweepEntry) -> Identity:
    """Return a recorded sweep's identity."""
    return Identity(entry.identity)


def plan_of(entry: SweepEntry) -> Plan:
    """Rebuild a sweep's plan from its recorded identity.

    Raises:
        UsageError: if the recorded identity is incomplete.
    """
    found, identity = identity_of(entry), entry.identity
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
                    digest=found.digest_of(name),
                    space=found.space_of(name),
                    start=found.start_of(name),
                )
                for name in entry.architectures
            ),
            platform=entry.environment.platform,
            **optional_of(Plan, identity) | {"held_out": tuple(map(tuple, identity.get("held_out", ())))},
        )
    except (KeyError, TypeError, ValueError) as error:
        for difference in procedure_differences(entry):  # an older refold recorded other parts
            raise UsageError(str(difference)) from error
        raise UsageError(f"the record of {entry.name!r} is damaged: its identity lacks {error}") from error


def procedure_differences(entry: SweepEntry) -> list[Difference]:
    """Compare the training procedure with the recorded one: refold has only its present one."""
    then = identity_of(entry).procedure
    if then == PROCEDURE:
        return []
    change = Change("procedure of training", then, PROCEDURE).said("recorded", "here")
    version = version_of_refold(entry.environment)
    what = f"{change}: use the version of refold that ran the sweep ({version}, as it was then)"
    return [Difference(subject="procedure of training", where=entry.name, what=what)]


def check_device(entry: SweepEntry) -> None:
    """Refuse to train a sweep's fits here if GPUs trained them: processors round differently.

    Raises:
        UsageError: if the sweep was trained on GPUs.
    """
    if (device := identity_of(entry).device) != "cpu":
        raise UsageError(
            f"the sweep {entry.name!r} was trained on GPUs (device = {device!r}), and so far only 'refold "
            "run' uses them: this command trains on processors, which round differently"
        )
