"""A sweep's trials and their fits, read from the ledger's tables."""

import json
import sqlite3
from collections.abc import Iterator

from tracking.ledger.codec import decode_hyperparameters, decode_run
from tracking.ledger.entry import SweepEntry
from tracking.records import FoldRecord, Purpose, ReportRecord, TrialRecord, sequence
from trainer.errors import UsageError
from trainer.fits.names import trial_name
from trainer.fits.seeds import proposal_seed
from trainer.fits.specs import FitSpec


def trials_of(
    connection: sqlite3.Connection, entry: SweepEntry, known: dict[str, FoldRecord]
) -> Iterator[TrialRecord]:
    """Yield a sweep's trials, first by number, then in the order of its architectures.

    Args:
        connection: the ledger's.
        entry: the sweep's entry.
        known: a cache of fits by key; fits that are read are added.

    Raises:
        UsageError: if the row of a fit is damaged.
    """
    rows = connection.execute(
        "SELECT architecture, number, hyperparameters, proposed_at FROM proposals WHERE sweep = ?",
        (entry.name,),
    ).fetchall()
    place = {name: index for index, name in enumerate(entry.architectures)}
    folds = _folds(connection, entry.name, known)
    for architecture, number, text, proposed_at in sorted(rows, key=lambda r: (r[1], place[r[0]])):
        hyperparameters = decode_hyperparameters(text, trial_name(architecture, number))
        found = folds.get((architecture, number), {})
        results = {position: record.run.result for position, record in found.items()}
        first = found[0].spec if 0 in found else None
        state, length = (
            sequence(results, entry.fits, first.thresholds, first.metric)
            if first
            else sequence(results, entry.fits, None)
        )
        counted = [found[position] for position in sorted(found)][:length]
        if state == "running":  # a fold that ends the trial counts once all earlier folds have ended
            counted = [record for record in counted if record.run.result.state == "complete"]
        yield TrialRecord(
            architecture=architecture,
            number=number,
            state=state,
            hyperparameters=hyperparameters,
            seed=proposal_seed(entry.seed, architecture, number),
            proposed_at=proposed_at,
            folds=tuple(counted),
        )


def confirmed_of(connection: sqlite3.Connection, entry: SweepEntry) -> Iterator[TrialRecord]:
    """Yield the confirmed winners in the order of the sweep's architectures."""
    expected: dict[tuple[str, int], int] = {}
    for architecture, number, count in connection.execute(
        "SELECT architecture, number, count(*) FROM further_fits"
        " WHERE sweep = ? AND purpose = ? GROUP BY architecture, number",
        (entry.name, Purpose.COMPARISON),
    ):
        expected[architecture, number] = count
    fits = further_fits(connection, entry.name, Purpose.COMPARISON)
    place = {name: index for index, name in enumerate(entry.architectures)}
    for architecture, number in sorted(fits, key=lambda key: (place[key[0]], key[1])):
        found = fits[architecture, number]
        results = {position: record.run.result for position, record in found.items()}
        state, length = sequence(results, expected[architecture, number], None)
        counted = tuple(found[position] for position in sorted(found))[:length]
        yield TrialRecord(
            architecture=architecture,
            number=number,
            state=state,
            hyperparameters=dict(counted[0].spec.hyperparameters),
            seed=proposal_seed(entry.seed, architecture, number),
            proposed_at=min(record.run.timing.started_at for record in counted),
            folds=counted,
        )


def examined_of(
    connection: sqlite3.Connection, entry: SweepEntry
) -> dict[tuple[str, int], tuple[FoldRecord, ...]]:
    """Return the recorded refits that were scored on the exam, in the order of the sweep's architectures."""
    fits = further_fits(connection, entry.name, Purpose.EXAM)
    place = {name: index for index, name in enumerate(entry.architectures)}
    found = sorted(fits, key=lambda key: (place[key[0]], key[1]))
    return {key: tuple(record for _, record in sorted(fits[key].items())) for key in found}


def reports_of(connection: sqlite3.Connection, sweep: str) -> dict[str, ReportRecord]:
    """Return a sweep's reports by name."""
    rows = connection.execute(
        "SELECT name, content, page FROM reports WHERE sweep = ? ORDER BY name", (sweep,)
    )
    return {name: ReportRecord(content=content, page=page) for name, content, page in rows}


def _folds(
    connection: sqlite3.Connection, sweep: str, known: dict[str, FoldRecord]
) -> dict[tuple[str, int], dict[int, FoldRecord]]:
    rows = connection.execute(
        "SELECT architecture, number, position, key FROM members JOIN fits USING (key) WHERE sweep = ?",
        (sweep,),
    )
    folds: dict[tuple[str, int], dict[int, FoldRecord]] = {}
    for architecture, number, position, key in rows.fetchall():
        try:
            folds.setdefault((architecture, number), {})[position] = _fold(connection, key, known)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UsageError(
                f"the record of {trial_name(architecture, number)}, fit {position}, is damaged "
                f"({type(error).__name__}: {error}): restore the ledger from a copy"
            ) from error
    return folds


def _fold(connection: sqlite3.Connection, key: str, known: dict[str, FoldRecord]) -> FoldRecord:
    if key not in known:
        spec, *blobs = connection.execute(
            "SELECT spec, run, predictions, confidences FROM fits WHERE key = ?", (key,)
        ).fetchone()
        known[key] = FoldRecord(spec=FitSpec.from_json(json.loads(spec)), run=decode_run(*blobs))
    return known[key]


def further_fits(
    connection: sqlite3.Connection, sweep: str, purpose: Purpose
) -> dict[tuple[str, int], dict[int, FoldRecord]]:
    """Return the recorded extra fits by (architecture, trial number) and position."""
    rows = connection.execute(
        "SELECT architecture, number, position, spec, run, predictions, confidences"
        " FROM further_fits JOIN fits USING (key) WHERE sweep = ? AND purpose = ? ORDER BY position",
        (sweep, purpose),
    )
    found: dict[tuple[str, int], dict[int, FoldRecord]] = {}
    for architecture, number, position, spec, *blobs in rows:
        record = FoldRecord(spec=FitSpec.from_json(json.loads(spec)), run=decode_run(*blobs))
        found.setdefault((architecture, number), {})[position] = record
    return found
