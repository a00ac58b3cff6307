"""The claims that a comparison can make."""

from typing import Literal, get_args

#: A claim is about other images of the same source, or about these images with other seeds.
Claim = Literal["new-data", "this-data"]
CLAIMS: tuple[Claim, ...] = get_args(Claim)
