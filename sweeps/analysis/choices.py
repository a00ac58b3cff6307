"""What a comparison can be asked: on which images, and with which claim."""

from typing import Literal, get_args

#: The images that winners are compared on: an exam that the search never saw, or the folds of the search.
On = Literal["exam", "folds"]
ON: tuple[On, ...] = get_args(On)

#: What a comparison on folds claims: about other images of the same source, or these with other seeds.
Claim = Literal["new-data", "this-data"]
CLAIMS: tuple[Claim, ...] = get_args(Claim)
