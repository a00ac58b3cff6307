"""The sweep's own record: one SQLite file, one writer, every result under its fit's key.

Everything else (MLflow, the terminal, Optuna studies) is a view that can be built again from it.
Writing needs the lock (``Ledger.open``); reading does not (``Ledger.read``).
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tracking.ledger import disk_space, openings
from tracking.ledger.codec import decode_hyperparameters, decode_run, encode_run
from tracking.ledger.contents import SweepContents, contents_of
from tracking.ledger.details import SweepDetails
from tracking.ledger.entry import SweepEntry
from tracking.ledger.file import checksum, connect, reading, unless_gone
from tracking.ledger.lock import Turn, held, is_held
from tracking.ledger.rows import export_rows, further_row, member_row, proposal_row, report_row, sweep_parts
from tracking.ledger.seal_check import SealCheck, changed_fits, check_seal
from tracking.ledger.seal_writer import SealWriter
from tracking.ledger.trials import confirmed_of, examined_of, further_fits, reports_of, trials_of
from tracking.records import (
    ExportRecord,
    FoldRecord,
    Opening,
    Purpose,
    ReportRecord,
    SweepRecord,
)
from trainer.canonical import canonical_json
from trainer.errors import UsageError
from trainer.fits.names import trial_name
from trainer.fits.results import FitRun
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import Value
from trainer.spelling import nearest


class Ledger:
    """An open ledger. Every write is a transaction that is on the disk when the method returns.

    Attributes:
        created: whether ``open`` has created its file.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        known: dict[str, FoldRecord] | None = None,
        home: Path | None = None,
    ) -> None:
        self.created = False
        self._connection = connection
        self._home = home
        self._known = {} if known is None else known
        self._seals = SealWriter(connection)

    @classmethod
    @contextmanager
    def open(cls, home: Path, turn: Turn = Turn()) -> Iterator["Ledger"]:  # noqa: B008 - it is frozen
        """Open the ledger of ``home`` for writing, creating it if there is none.

        At the end, however it comes, the seals of the sweeps that were written are renewed.

        Args:
            home: the folder.
            turn: whether to wait for another process that has the ledger open for writing, or that this
                process's turn has come already.

        Raises:
            UsageError: if the home cannot be written, another process has the ledger open for writing and it
                is not waited for, or the file is damaged or not a ledger.
            HomeGone: in place of any error, if the ledger was deleted or replaced meanwhile.
        """
        path = home / "ledger.sqlite"
        with held(home, turn), unless_gone(path) as created:
            connection = connect(path, create=True)
            disk_space.reserve(home)
            ledger = cls(connection, home=home)
            ledger.created = created
            try:
                yield ledger
            finally:
                try:
                    ledger.renew_seals()
                finally:
                    connection.close()

    @classmethod
    @contextmanager
    def read(cls, home: Path, known: dict[str, FoldRecord] | None = None) -> Iterator["Ledger"]:
        """Open the ledger of ``home`` for reading, also while another process writes it.

        Args:
            home: the folder.
            known: a cache of fits by key. Fits in it are not read again, and fits that are read are added.
                Results never change, so a caller that reads a growing sweep many times reads each fit once.

        Raises:
            UsageError: if there is no ledger, or the file is damaged or not a ledger.
        """
        path = home / "ledger.sqlite"
        if not path.exists():
            raise UsageError(
                f"no sweep has run in {home}: start one with 'refold run SWEEP.toml', "
                "or name another home with --home or REFOLD_HOME"
            )
        connection = connect(path, create=False)
        try:
            yield cls(connection, known, home)
        finally:
            connection.close()

    # What is written

    def add_sweep(self, entry: SweepEntry) -> None:
        """Add a sweep. Its name must be new.

        Raises:
            DiskFull: if the disk is full; see ``disk_space.write``.
        """

        def transaction() -> None:
            with self._seals.transaction() as connection:
                connection.execute(
                    "INSERT INTO sweeps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", entry.to_row()
                )
                self._seals.begin(entry.name, "begun")

        disk_space.write(self._home, transaction)

    def add_proposal(
        self, sweep: str, architecture: str, number: int, specs: Iterable[FitSpec], proposed_at: float
    ) -> None:
        """Add a trial's hyperparameters and the keys of its fits. Existing rows stay.

        Raises:
            DiskFull: if the disk is full; see ``disk_space.write``.
        """
        specs = list(specs)
        hyperparameters = canonical_json(dict(specs[0].hyperparameters))
        members = [(sweep, architecture, number, position, spec.key) for position, spec in enumerate(specs)]

        def transaction() -> None:
            with self._seals.transaction(sweep) as connection:
                new = connection.execute(
                    "INSERT OR IGNORE INTO proposals VALUES (?, ?, ?, ?, ?)",
                    (sweep, architecture, number, hyperparameters, proposed_at),
                ).rowcount
                added = self._added("INSERT OR IGNORE INTO members VALUES (?, ?, ?, ?, ?)", members)
                if new:
                    row = proposal_row(architecture, number, hyperparameters, proposed_at)
                    self._seals.added(sweep, "proposals", [row])
                self._seals.added(sweep, "members", [member_row(*row[1:]) for row in added])

        disk_space.write(self._home, transaction)

    def add_run(self, spec: FitSpec, run: FitRun) -> None:
        """Add a finished fit. An existing key keeps its first result.

        Raises:
            DiskFull: if the disk is full; see ``disk_space.write``.
        """
        row = (spec.key, canonical_json(spec.to_json()), *encode_run(run))
        sum_of_row = checksum(*row)

        def transaction() -> None:
            with self._seals.transaction() as connection:
                new = connection.execute(
                    "INSERT OR IGNORE INTO fits VALUES (?, ?, ?, ?, ?, ?)", (*row, sum_of_row)
                ).rowcount
                if new:
                    self._seals.added_fit(spec.key, sum_of_row)

        disk_space.write(self._home, transaction)

    def update_sweep(
        self,
        sweep: str,
        trials: int,
        toml: str,
        details: SweepDetails,
        architectures: Sequence[str] | None = None,
    ) -> None:
        """Update what may change when a sweep is continued: its length, its file, where its parts are.

        Args:
            sweep: its name.
            trials: of each architecture; a lower number changes nothing.
            toml: the sweep file's text.
            details: where its parts are.
            architectures: their names in the file's order; None if that has not changed.
        """
        order = None if architectures is None else canonical_json(architectures)
        with self._seals.transaction(sweep) as connection:
            before = sweep_parts(connection, sweep)
            connection.execute(
                "UPDATE sweeps SET trials = max(trials, ?), toml = ?, details = ?,"
                " architectures = coalesce(?, architectures) WHERE name = ?",
                (trials, toml, canonical_json(details.to_json()), order, sweep),
            )
            self._seals.replaced(sweep, "sweeps", before, sweep_parts(connection, sweep))

    def add_export(self, sweep: str, card: Mapping[str, object], exported_at: float) -> None:
        """Add an exported model: the content of its ``model.json``, with its folder."""
        with self._seals.transaction(sweep) as connection:
            before = export_rows(connection, sweep)
            connection.execute(
                "INSERT INTO exports VALUES (?, ?, ?)", (sweep, exported_at, canonical_json(card))
            )
            after = export_rows(connection, sweep)
            new = [(key, digest) for key, digest in after.items() if key not in before]
            self._seals.added(sweep, "exports", new)

    def add_opening(self, opening: Opening) -> None:
        """Add that a model is scored on an exam. A model that was scored on it before counts once."""
        with self._seals.transaction() as connection:
            openings.add(connection, opening)

    def add_further_fits(
        self, sweep: str, purpose: Purpose, architecture: str, number: int, specs: Mapping[int, FitSpec]
    ) -> None:
        """Add the keys of extra fits, by position. Existing rows stay."""
        rows = [(sweep, purpose, architecture, number, place, spec.key) for place, spec in specs.items()]
        with self._seals.transaction(sweep):
            added = self._added("INSERT OR IGNORE INTO further_fits VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._seals.added(sweep, "further_fits", [further_row(*row[1:]) for row in added])

    def add_report(self, sweep: str, name: str, report: ReportRecord) -> None:
        """Add a report on a sweep, in place of the previous one of that name."""
        with self._seals.transaction(sweep) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO reports VALUES (?, ?, ?, ?)",
                (sweep, name, report.content, report.page),
            )
            row = report_row(name, report.content, report.page)
            self._seals.replaced(sweep, "reports", {}, dict([row]))

    def remove_sweep(self, name: str) -> int:
        """Remove a sweep and the fits that no other sweep has; return the number of fits removed."""
        with self._connection as connection:
            self._seals.remove(name)
            openings.keep(connection, name)
            connection.execute("DELETE FROM sweeps WHERE name = ?", (name,))
            gone = connection.execute(
                "DELETE FROM fits WHERE key NOT IN"
                " (SELECT key FROM members UNION SELECT key FROM further_fits)"
            )
        return gone.rowcount

    def renew_seals(self) -> None:
        """Renew the seals of the sweeps that were written. If the disk refuses, the next command does it."""
        with suppress(sqlite3.DatabaseError):
            self._seals.renew()

    def _added(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Insert rows; return those that were not there before."""
        return [row for row in rows if self._connection.execute(statement, row).rowcount]

    # What is read

    def run_of(self, key: str) -> FitRun | None:
        """Return the fit recorded under ``key``, or None."""
        with reading(f"the fit {key[:16]}"):
            row = self._connection.execute(
                "SELECT run, predictions, confidences FROM fits WHERE key = ?", (key,)
            ).fetchone()
            return None if row is None else decode_run(*row)

    def sweep_names(self) -> list[str]:
        """Return the names of all sweeps, oldest first."""
        return [row[0] for row in self._connection.execute("SELECT name FROM sweeps ORDER BY created_at")]

    def entry(self, name: str) -> SweepEntry | None:
        """Return the entry of a sweep, or None if there is none of that name."""
        with reading(f"the sweep {name!r}"):
            cursor = self._connection.execute("SELECT * FROM sweeps WHERE name = ?", (name,))
            row = cursor.fetchone()
            if row is None:
                return None
            return SweepEntry.from_row(
                dict(zip((column[0] for column in cursor.description), row, strict=True))
            )

    def sweep(self, name: str) -> SweepRecord:
        """Return the whole record of a sweep.

        Raises:
            UsageError: if there is no sweep of that name, or its record is damaged.
        """
        with reading(f"the sweep {name!r}"):
            entry = self.entry(name)
            if entry is None:
                known = self.sweep_names()
                hint = nearest(name, known) if known else "it has none yet"
                place = f" in {self._home}" if self._home else ""
                raise UsageError(f"no sweep is called {name!r}{place}: {hint}")
            return SweepRecord(
                name=entry.name, key=entry.key, seed=entry.seed, toml=entry.toml, dataset=entry.dataset,
                architectures=entry.architectures, trials_per_architecture=entry.trials,
                fits_per_trial=entry.fits, created_at=entry.created_at, environment=entry.environment,
                trials=tuple(trials_of(self._connection, entry, self._known)),
                confirmed=tuple(confirmed_of(self._connection, entry)),
                examined=examined_of(self._connection, entry),
                reports=reports_of(self._connection, name), git_commit=entry.git_commit,
            )  # fmt: skip

    def further_fits(self, sweep: str, purpose: Purpose) -> dict[tuple[str, int], dict[int, FoldRecord]]:
        """Return the recorded extra fits by (architecture, trial number) and position."""
        with reading(f"the {purpose} fits of {sweep!r}"):
            return further_fits(self._connection, sweep, purpose)

    def count_fits(self, name: str) -> tuple[int, int]:
        """Return the number of a sweep's recorded fits, and how many of these only this sweep has."""
        both = "(SELECT sweep, key FROM members UNION SELECT sweep, key FROM further_fits)"
        rows = self._connection.execute(
            f"SELECT count(*), count(*) FILTER (WHERE key NOT IN (SELECT key FROM {both} WHERE sweep != ?))"  # noqa: S608
            f" FROM fits WHERE key IN (SELECT key FROM {both} WHERE sweep = ?)",
            (name, name),
        )
        every, alone = rows.fetchone()
        return every, alone

    def check_integrity(self) -> None:
        """Let SQLite check every page.

        Raises:
            UsageError: if the file is damaged.
        """
        try:
            answer = [row[0] for row in self._connection.execute("PRAGMA integrity_check(1)")]
        except sqlite3.DatabaseError as error:
            answer = [str(error)]
        if answer != ["ok"]:
            raise UsageError(f"the ledger is damaged ({answer[0]}): restore it from a copy")

    def changed_fits(self, name: str) -> list[str]:
        """Return the keys of a sweep's fits that are not as they were recorded.

        Their rows do not have their checksums, or not the checksums with which they were sealed.
        """
        with reading(f"the sweep {name!r}"):
            resealed = changed_fits(self._connection, name)
            rows = self._connection.execute(
                "SELECT * FROM fits WHERE key IN (SELECT key FROM members WHERE sweep = ?"
                " UNION SELECT key FROM further_fits WHERE sweep = ?)",
                (name, name),
            )
            return [row[0] for row in rows if row[0] in resealed or checksum(*row[:5]) != row[5]]

    def check_seal(self, name: str) -> SealCheck:
        """Compare all rows of a sweep with its seal.

        Raises:
            UsageError: if a row cannot be read.
        """
        with reading(f"the sweep {name!r}"):
            live = self._home is not None and is_held(self._home)
            return check_seal(self._connection, name, live=live)

    def exports(self, name: str) -> list[ExportRecord]:
        """Return the models that were exported from a sweep, oldest first."""
        with reading(f"the sweep {name!r}"):
            return [ExportRecord.from_card(card) for card in self.cards(name)]

    def openings(self, exam: str) -> tuple[Opening, ...]:
        """Return the models that were scored on an exam, over the whole home, the oldest first.

        Args:
            exam: the exam's fingerprint.
        """
        with reading("the openings of exams"):
            return openings.openings(self._connection, exam)

    def damaged_openings(self) -> str | None:
        """Return what is wrong with the record of openings, in one line; None if nothing is."""
        with reading("the openings of exams"):
            return openings.damage(self._connection)

    def cards(self, name: str) -> list[Mapping[str, Any]]:
        """Return each exported model's ``model.json``, with its folder, oldest first."""
        with reading(f"the sweep {name!r}"):
            rows = self._connection.execute(
                "SELECT card FROM exports WHERE sweep = ? ORDER BY exported_at", (name,)
            )
            return [json.loads(row[0]) for row in rows]

    def contents(self, name: str) -> SweepContents:
        """Return all rows of a sweep.

        Raises:
            UsageError: if a row is damaged.
        """
        return contents_of(self._connection, name)

    def proposals(self, sweep: str) -> dict[tuple[str, int], dict[str, Value]]:
        """Return the recorded hyperparameters by (architecture, trial number)."""
        with reading(f"the sweep {sweep!r}"):
            rows = self._connection.execute(
                "SELECT architecture, number, hyperparameters FROM proposals WHERE sweep = ?", (sweep,)
            )
            return {
                (architecture, number): decode_hyperparameters(text, trial_name(architecture, number))
                for architecture, number, text in rows
            }
