"""One architecture of a sweep, as the sweep file asks for it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from sweeps.definition.checks import checked, shown
from sweeps.definition.starts import checked_starts
from trainer import names
from trainer.architectures import BUILT_IN
from trainer.architectures.user import KEEP, OwnSeeds
from trainer.errors import UsageError
from trainer.hyperparameters import Hyperparameters, Range, Value
from trainer.limits import ENTRIES, HYPERPARAMETERS
from trainer.recipe.table import RECIPE
from trainer.space_json import range_from_json
from trainer.spelling import nearest
from trainer.user_code import CELL, UserSource, source_of
from trainer.user_code.declared import check_name

#: A class or function that builds a network.
Defined = type | Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class ArchitectureChoice:
    """One architecture of a sweep, as the sweep file asks for it.

    Attributes:
        name: the name of a built-in architecture, or the user's name for the architecture at ``source``.
        source: ``"file.py:Name"``, or the source text if it was defined in a notebook's cell; None for a
            built-in.
        ranges: replacements for entries of the default space, by hyperparameter: a narrower range, or a fixed
            value.
        files: the files that the user's code reads, as seen from the folder of its main file.
        start: starting points: values that the first trials take, one table a trial. What a table leaves out
            is proposed.
        own_seeds: ``"keep"`` if the user's code means the seeds that it gives to initial weights; else None,
            and such a network is refused.
    """

    name: str
    source: str | UserSource | None
    ranges: Mapping[str, Range]
    files: tuple[str, ...]
    start: tuple[Hyperparameters, ...]
    own_seeds: OwnSeeds | None

    def __init__(
        self,
        *,
        name: str,
        source: str | Defined | UserSource | None = None,
        ranges: Mapping[str, Range | Value] | None = None,
        files: Sequence[str] = (),
        start: Sequence[Hyperparameters] = (),
        own_seeds: OwnSeeds | None = None,
    ) -> None:
        """Check the values.

        Args:
            name: see above.
            source: see above; may also be the class or function itself, from a notebook's cell or a module.
            ranges: see above; a bare value fixes a hyperparameter, as in a sweep file.
            files: see above.
            start: see above.
            own_seeds: see above.

        Raises:
            UsageError: if a value is wrong; the message names the key, what is wrong and the nearest right
                spelling.
        """
        name = checked("the name of an architecture", name, names.architecture_name)
        prefix = f"architectures.{name}"
        if source is None and name not in BUILT_IN:
            hint = nearest(name, BUILT_IN)
            raise UsageError(f'unknown architecture {name!r}: {hint} Your own needs source = "file.py:Name"')
        written = _written(prefix, source)
        fields = {
            "name": name, "source": written, "ranges": ranges_of(prefix, ranges),
            "files": _files(prefix, written, files), "start": checked_starts(prefix, start),
            "own_seeds": _own_seeds(prefix, written, own_seeds),
        }  # fmt: skip
        for field, value in fields.items():
            object.__setattr__(self, field, value)

    @property
    def written(self) -> str | None:
        """The source as it is written in a sweep file."""
        return self.source.spec if isinstance(self.source, UserSource) else self.source


def _written(prefix: str, source: object) -> str | UserSource | None:
    """Return the recorded form of an architecture's source.

    Raises:
        UsageError: if the source has no recorded form.
    """
    if isinstance(source, type | FunctionType):
        return source_of(source)
    if isinstance(source, UserSource) or source is None:
        return source
    if str(source).startswith(f"{CELL}:"):
        raise UsageError(
            f"{prefix}.source = {shown(source)}: it was defined in a notebook or script and is in no "
            "file: run that again"
        )
    if not isinstance(source, str) or not re.fullmatch(r".+\.py:[A-Za-z_]\w*", source):
        raise UsageError(f'{prefix}.source = {shown(source)}: must look like "file.py:Name"')
    return source


def _files(prefix: str, source: object, given: object) -> tuple[str, ...]:
    """Return the names of the files that an architecture reads.

    Raises:
        UsageError: if a built-in architecture is given any, or one leaves the architecture's folder.
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise UsageError(f'{prefix}.files = {shown(given)}: must be a list like ["weights.npz"]')
    if given and source is None:
        raise UsageError(f"{prefix}.files: a built-in architecture reads no files: leave it out")
    if len(given) > ENTRIES.most:
        raise UsageError(f"{prefix}.files: at most {ENTRIES.said} are possible")
    for name in given:
        if not isinstance(name, str):
            raise UsageError(f"{prefix}.files: {shown(name)} is no text")
        check_name(name, prefix)
    if len(set(given)) < len(given):
        raise UsageError(f"{prefix}.files: one is there twice")
    return tuple(given)


def _own_seeds(prefix: str, source: object, given: object) -> OwnSeeds | None:
    """Return what is said of the seeds in an architecture's code.

    Raises:
        UsageError: if a built-in architecture is said to have any, or it is no word that is known.
    """
    if given is None:
        return None
    if source is None:
        raise UsageError(f"{prefix}.own_seeds: a built-in architecture has no seeds of its own: leave it out")
    if given != KEEP:
        raise UsageError(f'{prefix}.own_seeds = {shown(given)}: must be "keep", or be left out')
    return KEEP


def ranges_of(prefix: str, given: object) -> Mapping[str, Range]:
    """Return the ranges of a table with their values checked.

    Raises:
        UsageError: if a name or a range is wrong, or there are too many.
    """
    if not isinstance(given, Mapping | None):
        raise UsageError(f"{prefix}: ranges must be a mapping of hyperparameters, not {shown(given)}")
    ranges = given or {}
    if len(ranges) > HYPERPARAMETERS.most:
        raise UsageError(f"{prefix} has {len(ranges):,} hyperparameters: at most {HYPERPARAMETERS.said}")
    for key in ranges:
        if not isinstance(key, str):
            raise UsageError(f"{prefix}: {shown(key)} is no name of a hyperparameter: it must be a text")
    return {key: checked(f"{prefix}.{key}", value, _range_of(key)) for key, value in ranges.items()}


def _range_of(key: str) -> Callable[[Any], Range]:
    """Return what reads the range of a hyperparameter; values of some parts may be tables (class weights)."""
    of_table = RECIPE[key].of_table if key in RECIPE else None
    if of_table is None:
        return range_from_json

    def read(value: Any) -> Range:
        if not isinstance(value, Mapping):
            return range_from_json(value)
        if isinstance(value.get("choices"), list | tuple) and len(value) == 1:
            choices = [of_table(each) if isinstance(each, Mapping) else each for each in value["choices"]]
            return range_from_json({"choices": choices})
        return range_from_json(of_table(value))

    return read
