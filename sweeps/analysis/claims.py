"""What a comparison's answer is about."""

from typing import Literal, get_args

#: Other images of the same kind, or these images under other seeds.
Claim = Literal["new-data", "this-data"]
CLAIMS: tuple[Claim, ...] = get_args(Claim)
