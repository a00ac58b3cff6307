"""The recorded text of a sweep file, read again."""

from pathlib import Path

import pytest

from sweeps.definition.architecture_choice import ArchitectureChoice
from sweeps.definition.spec import CrossValidation, Limits, Prune, SweepSpec
from sweeps.definition.sweep_file import sweep_text
from sweeps.verification.sweep_text import spec_of
from tracking.ledger.details import SweepDetails
from trainer.datasets import DatasetSource
from trainer.errors import UsageError
from trainer.user_code import UserSource

CELL = UserSource(spec="notebook:Net", files=(("notebook", "class Net: ..."),))


def details(spec: SweepSpec, *, cell: bool = True) -> SweepDetails:
    """Where the parts of a sweep were found."""
    sources = {"mine": CELL} if cell else {}
    return SweepDetails(folder=str(spec.folder), dataset=spec.source, experiment=spec.name, sources=sources)


def test_a_sweep_built_in_a_notebook_is_read_again_as_it_was() -> None:
    """Its text is made from the spec, and what a cell defined is taken from the record."""
    spec = SweepSpec(
        name="built",
        seed=7,
        dataset=DatasetSource(source="digits", samples=200),
        cv=CrossValidation(folds=3, epochs=7),
        prune=Prune(rungs=(2, 4)),
        limits=Limits(fit_minutes=2.5),
        architectures=(
            ArchitectureChoice(name="lenet", ranges={"dropout": 0.2}),
            ArchitectureChoice(name="mine", source=CELL, ranges={"batch_size": 32}),
        ),
        folder=Path("/somewhere"),
    )
    assert spec_of(sweep_text(spec), details(spec)) == spec
    with pytest.raises(UsageError, match="defined in a notebook"):
        spec_of(sweep_text(spec), details(spec, cell=False))
