"""The names of trials and fits, the same in all outputs: ``resnet/3`` and ``resnet/3 fold 2``."""

import re

from trainer.errors import UsageError
from trainer.fits.specs import FitSpec

_TRIAL = re.compile(r"(?P<architecture>.+)/(?P<number>\d{1,9})", re.ASCII | re.DOTALL)


def trial_name(architecture: str, number: int) -> str:
    """Return the name of a trial.

    >>> trial_name("resnet", 3)
    'resnet/3'

    Args:
        architecture: its name.
        number: from 0 within the architecture.
    """
    return f"{architecture}/{number}"


def fit_name(spec: FitSpec, number: int | None) -> str:
    """Return the name of a fit of trial ``number``, such as ``resnet/3 fold 2``.

    From the second cross-validation on the name has the repeat (``resnet/3 repeat 1 fold 2``). A fit on all
    the data is ``resnet/3 refit``, and ``resnet/3 refit 1`` with the seeds of another one. If the trial is
    not known (None), its number is left out.
    """
    trial = spec.architecture if number is None else trial_name(spec.architecture, number)
    if spec.fold is None:
        return f"{trial} refit {spec.repeat}" if spec.repeat else f"{trial} refit"
    repeat = f" repeat {spec.repeat}" if spec.repeat else ""
    return f"{trial}{repeat} fold {spec.fold}"


def read_trial_name(text: str) -> tuple[str, int]:
    """Return the architecture and the number in a trial's name: the inverse of ``trial_name``.

    >>> read_trial_name("resnet/3")
    ('resnet', 3)

    Raises:
        UsageError: if ``text`` is not the name of a trial.
    """
    found = _TRIAL.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is not the name of a trial: write ARCHITECTURE/NUMBER, such as resnet/3")
    return found["architecture"], int(found["number"])
