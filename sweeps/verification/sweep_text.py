"""The recorded text of the sweep file against the rest of the record: it is read again as ``refold run`` did.

``refold run`` has no options that change a sweep, so the text alone says what was asked for. What it cannot
say: the ranges that a user's architecture has by itself, which only its code knows. Its code is not run for
this, so of these spaces only the ranges that the text sets are compared; proposals show the others.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeps.definition.architecture_choice import ArchitectureChoice
from sweeps.definition.changes import changes
from sweeps.definition.identity import Difference, identity_of
from sweeps.definition.scoring import with_place
from sweeps.definition.spaces import complete_space
from sweeps.definition.spec import SweepSpec
from sweeps.definition.starts import planned_starts
from sweeps.definition.sweep_file import parse_sweep
from tracking.ledger.details import SweepDetails
from tracking.ledger.entry import SweepEntry
from trainer import names
from trainer.architectures import BUILT_IN
from trainer.canonical import recorded
from trainer.errors import UsageError
from trainer.hyperparameters import Hyperparameters, Value
from trainer.metrics.table import metric_called
from trainer.space_json import space_to_json
from trainer.user_code import UserSource


def text_differences(entry: SweepEntry) -> list[Difference]:
    """Read the recorded text again and compare all that it says with the entry.

    If names in it were recorded before there was a rule for names, it is read as it was then.
    """
    if not (found := _differences(entry)):
        return []
    with names.recorded():
        then = _differences(entry)
    return then if len(then) <= len(found) else found


def _differences(entry: SweepEntry) -> list[Difference]:
    try:
        spec = spec_of(entry.toml, entry.details)
        told = _told(spec, entry)
    except (tomllib.TOMLDecodeError, UsageError) as error:
        what = f"its recorded text cannot be read as a sweep file: {error}"
        return [Difference(subject="sweep file", where=entry.name, what=what)]
    return [
        Difference(
            subject=f"{change.name} of the sweep file",
            where=entry.name,
            what=change.said("in the record", "in its text"),
        )
        for change in changes(_kept(spec, entry), told)
    ]


def fit_minutes(entry: SweepEntry) -> float | None:
    """Return the limit of a fit's time that the recorded text sets, in minutes; None for no limit."""
    with names.recorded():
        return spec_of(entry.toml, entry.details).limits.fit_minutes


def spec_of(text: str, details: SweepDetails) -> SweepSpec:
    """Return the sweep that a recorded text describes.

    What was defined in a notebook is in no file: it is taken from the record.

    Raises:
        tomllib.TOMLDecodeError: if it is not TOML.
        UsageError: if it is not a sweep file.
    """
    data = tomllib.loads(text)
    tables = data.get("architectures")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        source = details.sources.get(name)
        if isinstance(table, dict) and source is not None and _is_cell(source, table.get("source")):
            table["source"] = source
    return parse_sweep(data, folder=Path(details.folder)).gone_on(details.dataset)


def _is_cell(source: UserSource, written: object) -> bool:
    return not source.in_file and written == source.spec


def _told(spec: SweepSpec, entry: SweepEntry) -> dict[str, object]:
    """Return what the text says, under the names of ``_kept``."""
    cv = with_place(spec.cv, entry.dataset.classes)
    prune = recorded(spec.pruning) | {
        "margin": spec.pruning.margin_of(metric_called(cv.metric)),
        "rungs": list(spec.pruning.rungs_within(cv.epochs)),
    }
    return {
        "name": spec.name,
        "seed": spec.seed,
        "trials": spec.trials,
        "device": spec.device,
        "cv": recorded(cv),
        "search": recorded(spec.search),
        "prune": prune,
        "dataset": spec.source.to_json(),
        "experiment": spec.experiment or spec.name,
        "architectures": [choice.name for choice in spec.architectures],
        "sources": {choice.name: choice.written for choice in spec.architectures if choice.written},
        "files": {choice.name: list(choice.files) for choice in spec.architectures if choice.files},
        "spaces": {choice.name: _space(choice, spec, entry) for choice in _known(spec, entry)},
        "starts": {c.name: _listed(_starts(c, entry)) for c in _known(spec, entry) if c.start},
    }


def _kept(spec: SweepSpec, entry: SweepEntry) -> dict[str, object]:
    """Return what the record says."""
    identity = entry.identity
    return {
        "name": entry.name,
        "seed": identity.get("seed"),
        "trials": entry.trials,
        "device": identity_of(entry).device,
        "cv": identity.get("cv"),
        "search": identity.get("search"),
        "prune": identity.get("prune"),
        "dataset": entry.details.dataset.to_json(),
        "experiment": entry.details.experiment,
        "architectures": list(entry.architectures),
        "sources": {name: source.spec for name, source in entry.details.sources.items()},
        "files": {
            name: [file for file, _ in source.data]
            for name, source in entry.details.sources.items()
            if source.data
        },
        "spaces": {choice.name: _recorded_space(choice.name, entry) for choice in _known(spec, entry)},
        "starts": {
            choice.name: _listed(start)
            for choice in _known(spec, entry)
            if (start := identity_of(entry).start_of(choice.name))
        },
    }


def _known(spec: SweepSpec, entry: SweepEntry) -> Iterator[ArchitectureChoice]:
    """Yield the architectures that both the text and the identity have."""
    kept = entry.identity.get("architectures", {})
    yield from (choice for choice in spec.architectures if choice.name in kept)


def _recorded_space(name: str, entry: SweepEntry) -> Mapping[str, Any]:
    return space_to_json(identity_of(entry).space_of(name))


def _space(choice: ArchitectureChoice, spec: SweepSpec, entry: SweepEntry) -> Mapping[str, Any]:
    """Return the space that follows from the text; what only a user's code knows is taken as recorded."""
    own = BUILT_IN[choice.name].space if choice.source is None else identity_of(entry).space_of(choice.name)
    return space_to_json(complete_space(choice.name, own, choice.ranges, spec.training))


def _starts(choice: ArchitectureChoice, entry: SweepEntry) -> Sequence[Hyperparameters]:
    """Return the starting points that follow from the text."""
    return planned_starts(choice.name, choice.start, identity_of(entry).space_of(choice.name))


def _listed(starts: Sequence[Hyperparameters]) -> list[dict[str, Value]]:
    return [dict(sorted(start.items())) for start in starts]
