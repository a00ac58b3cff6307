"""Training fits again for an export: only the code that was recorded with them."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recorded_home import BEFORE_THE_MOVE, copy_of


@pytest.mark.parametrize("how", ["refit", "ensemble"])
def test_a_users_architecture_that_was_changed_in_the_record_is_refused_unread(
    tmp_path: Path, how: str
) -> None:
    """Its text is not what the fits' digest stands for: one line, nothing of it is run, nothing written."""
    home = copy_of(BEFORE_THE_MOVE, tmp_path)
    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        details = json.loads(ledger.execute("SELECT details FROM sweeps").fetchone()[0])
        (main, text), *others = details["sources"]["tiny"]["files"]
        mark = f"open({str(tmp_path / 'mark')!r}, 'w').close()\n"
        details["sources"]["tiny"]["files"] = [[main, text + mark], *others]
        ledger.execute("UPDATE sweeps SET details = ?", (json.dumps(details),))
    asked = ("export", "fixture", "--architecture", "tiny", "--how", how, "--force")
    command = [sys.executable, "-m", "refold", *asked, "--home", str(home), "--out", str(tmp_path / "models")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not (tmp_path / "mark").exists()
    assert done.returncode == 1
    assert done.stderr.startswith("refold: the recorded code of tiny (my_models.py:TinyNet) is not what")
    assert done.stderr.count("\n") == 1
    assert not list((tmp_path / "models").glob("*"))
