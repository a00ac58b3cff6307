"""Users' code: its texts and their digest, and the one gate that decides what may run, and where.

Only ``gate.import_recorded`` and ``gate.import_from_folder`` execute it. ``trainer.architectures.user`` makes
an architecture of it.
"""

from trainer.user_code.blame import blame
from trainer.user_code.definition import source_of
from trainer.user_code.gate import UserModules, check_digest, import_from_folder, import_recorded
from trainer.user_code.source import CELL, UserSource

__all__ = [
    "CELL",
    "UserModules",
    "UserSource",
    "blame",
    "check_digest",
    "import_from_folder",
    "import_recorded",
    "source_of",
]
