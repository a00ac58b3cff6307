"""``refold doctor``: finds what would harm repeatability or speed on this machine."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.cli.image_progress import ImageProgress
from sweeps.cli.options import Arguments, Verbs, json_option, workers_option
from sweeps.cli.output import print_json, put, put_table, say
from sweeps.home import Home
from tracking.reports.text_table import Column, Table

if TYPE_CHECKING:
    from sweeps.diagnostics.doctor import Finding


def add_verbs(verbs: Verbs) -> None:
    """Add ``doctor``."""
    added = verbs.add(doctor, "doctor sweep.toml")
    added.add_argument("sweep", nargs="?", help="a sweep file (default: the baseline on made-up images)")
    workers_option(added)
    json_option(added)


def doctor(options: Arguments) -> int:
    """Find what would harm repeatability or speed on this machine."""
    from sweeps.api.sweep import ready
    from sweeps.diagnostics.doctor import LEVELS, examine

    prepared = ready(Path(options.sweep), progress=ImageProgress().reading) if options.sweep else None
    say("trying a real training step of each architecture ...")
    findings = examine(prepared, Home.chosen(options.home), options.workers)
    counts = {level: sum(f.level == level for f in findings) for level in LEVELS}
    if options.json:
        print_json({"findings": [asdict(finding) for finding in findings], "counts": counts})
    else:
        put_table(findings_table(findings))
        verdict = "would break repeatability or the sweep" if counts["problem"] else "nothing is in the way"
        put("", f"problems {counts['problem']}, notes {counts['note']}, ok {counts['ok']}: {verdict}")
    return 1 if counts["problem"] else 0


def findings_table(findings: "Sequence[Finding]") -> Table:
    """Return a row for each finding; the advice follows an arrow."""
    rows = [[f.level, f.subject, f"{f.what}{f.do and ' -> '}{f.do}"] for f in findings]
    columns = (Column(title=""), Column(title="subject"), Column(title="finding", words=True))
    return Table(columns=columns, rows=rows)
