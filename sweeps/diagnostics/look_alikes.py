"""Environment variables whose names look like misspelt ones: nobody reads them, and nobody says so."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trainer.runtime.determinism import ENVIRONMENT, FORBIDDEN
from trainer.spelling import distance

#: The variables that decide repeatability, for refold or in advice on the web. TF_CPP_MIN_LOG_LEVEL decides
#: none, and TF_CPP_MIN_VLOG_LEVEL exists.
REAL = (*(n for n in ENVIRONMENT if n != "TF_CPP_MIN_LOG_LEVEL"), *FORBIDDEN, "CUBLAS_WORKSPACE_CONFIG")

#: From so many letters on two may be wrong, else one: LDFLAGS is two away from XLA_FLAGS.
LONG = 14


@dataclass(frozen=True, slots=True)
class LookAlike:
    """A variable that is set, and the one that is meant."""

    name: str
    meant: str

    @property
    def fixed(self) -> bool:
        """Whether training processes have a value of refold's for the one that is meant."""
        return self.meant in ENVIRONMENT


def look_alikes(names: Iterable[str]) -> Iterator[LookAlike]:
    """Yield the variables that are no real ones but look like such, sorted by name.

    Upper and lower case and what is neither letter nor digit do not count; one letter, or two of a long name,
    may be wrong, missing, superfluous or swapped with its neighbour.

    >>> [each.meant for each in look_alikes(["PYTHONASHSEED", "PYTHON_HASH_SEED", "PYTHONPATH"])]
    ['PYTHONHASHSEED', 'PYTHONHASHSEED']
    """
    for name in sorted(set(names) - set(REAL)):
        letters = _letters(name)
        away = {real: distance(letters, _letters(real)) for real in REAL if _may_be(letters, _letters(real))}
        meant = min(away, key=lambda real: away[real], default=None)
        if meant is not None and away[meant] <= _allowed(meant):
            yield LookAlike(name, meant)


def _may_be(letters: str, real: str) -> bool:
    return abs(len(letters) - len(real)) <= 2


def _allowed(real: str) -> int:
    return 2 if len(_letters(real)) >= LONG else 1


def _letters(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter.isalnum())
