"""Labels as a dataset that can be divided, for tests that need no images."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Labels:
    """Labels, groups and given folds, each ``[n]``."""

    labels: npt.NDArray[np.int32]
    groups: npt.NDArray[np.int32] | None = None
    folds: npt.NDArray[np.int32] | None = None


def labels_of(values: Any, groups: Any = None, folds: Any = None) -> Labels:
    """Return them as int32."""
    arrays = (None if each is None else np.asarray(each, dtype=np.int32) for each in (groups, folds))
    return Labels(np.asarray(values, dtype=np.int32), *arrays)
