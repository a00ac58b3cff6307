"""The one gate for code that users wrote: its text and digest, what may run, and where it runs.

All of it is executed by ``gate.import_recorded`` or ``gate.import_from_folder``, and by nothing else. What is
made of it (an architecture) is elsewhere.
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
