"""Changes to the record of ``tests.varied_sweep`` that only the sweep's seal shows."""

import sqlite3

from tests.record_changes import Change, Row, entry, put, run, sql, text
from tracking.ledger.file import checksum


def summed(change: Change) -> Change:
    """Return a change after which the checksums of the fits fit again, and the seal does not."""

    def changed(ledger: sqlite3.Connection) -> None:
        change(ledger)
        for row in ledger.execute("SELECT * FROM fits").fetchall():
            ledger.execute("UPDATE fits SET checksum = ? WHERE key = ?", (checksum(*row[:5]), row[0]))

    return changed


CHANGED = "seal: it was changed after it was recorded"
DELETED = "seal: it was deleted after it was recorded"
ADDED = "seal: it was added and is no result of refold's"


def sealed(change: Change, row: str, what: str = CHANGED) -> Row:
    """Return a change that only the seal shows, which is left as it was."""
    return Row(change, f"{row}: {what}", resealed=False)


SEAL = {
    "time of the sweep": sealed(
        sql("UPDATE sweeps SET created_at = 1e9 WHERE name = {made}"), "the sweep's column created_at"
    ),
    "commit": sealed(entry("environment", put("git_commit", value="0")), "column environment.git_commit"),
    "version of Python": sealed(entry("environment", put("python", value="3")), "column environment.python"),
    "folder": sealed(entry("details", put("folder", value="/")), "column details.folder"),
    "place of MLflow's record": sealed(
        entry("details", put("tracking", value="sqlite:///x")), "column details.tracking", ADDED
    ),
    "comment in the text": sealed(text("# Small", "# Large"), "the sweep's column toml"),
    "time of a trial": sealed(
        sql("UPDATE proposals SET proposed_at = 1 WHERE sweep = {made} AND number = 1"), "trial baseline/1"
    ),
    "order of trials": sealed(
        sql(
            "UPDATE proposals SET proposed_at = (SELECT other.proposed_at FROM proposals AS other WHERE "
            "other.sweep = {made} AND other.architecture = 'lenet' AND other.number = 3 - proposals.number) "
            "WHERE sweep = {made} AND architecture = 'lenet' AND number IN (1, 2)"
        ),
        "trial lenet/1",
    ),
    "time of a fit, checksum too": Row(
        summed(run(put("timing", "started_at", value=1.0))), "lenet/0 fold 0: checksum", resealed=False
    ),
    "host of a fit, checksum too": Row(
        summed(run(put("timing", "host", value="elsewhere"))), "lenet/0 fold 0: checksum", resealed=False
    ),
    "report deleted": sealed(
        sql("DELETE FROM reports WHERE sweep = {made} AND name = 'comparison'"), "report comparison", DELETED
    ),
    "report moved": sealed(
        sql("UPDATE reports SET sweep = 'longer' WHERE sweep = {made} AND name = 'variance-lenet'"),
        "report variance-lenet",
        f"{DELETED}: moved to the sweep ",
    ),
    "export deleted": Row(
        sql("DELETE FROM exports WHERE rowid = (SELECT min(rowid) FROM exports)"), DELETED, resealed=False
    ),
    "order of exports": Row(
        sql(
            "UPDATE exports SET exported_at = "
            "(SELECT min(exported_at) + max(exported_at) FROM exports) - exported_at"
        ),
        f"{CHANGED}: it has the contents that export of 20",
        resealed=False,
    ),
    "export added": Row(
        sql("INSERT INTO exports SELECT sweep, exported_at + 9, card FROM exports LIMIT 1"),
        ADDED,
        resealed=False,
    ),
    "export moved": Row(
        sql("UPDATE exports SET sweep = 'longer' WHERE rowid = (SELECT max(rowid) FROM exports)"),
        f"{DELETED}: moved to the sweep ",
        resealed=False,
    ),
    "seal deleted": sealed(
        sql("DELETE FROM seals WHERE sweep = {made}"), "the sweep's seal", "seal: it is missing"
    ),
    "seal changed": sealed(
        sql("UPDATE seals SET notes = '[ ]' WHERE sweep = {made}"),
        "the sweep's seal",
        "seal: it was changed: its digest is another",
    ),
    "seal cut off": sealed(
        sql("UPDATE seals SET digests = substr(digests, 1, 99) WHERE sweep = {made}"),
        "the sweep's seal",
        "seal: it cannot be read",
    ),
    "seal of the other sweep": sealed(
        sql(
            "UPDATE seals SET digests = (SELECT digests FROM seals WHERE sweep = 'longer'), digest = "
            "(SELECT digest FROM seals WHERE sweep = 'longer') WHERE sweep = {made}"
        ),
        "the sweep's column created_at",
    ),
}
