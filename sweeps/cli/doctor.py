"""``refold doctor``: what would break repeatability or speed here."""

from dataclasses import asdict
from pathlib import Path

from sweeps.cli.options import Arguments, Verbs, json_option, positive
from sweeps.cli.output import err, out, print_json
from sweeps.home import Home


def add_verbs(verbs: Verbs) -> None:
    """Add ``doctor``."""
    added = verbs.add(doctor, "doctor examples/digits.toml")
    added.add_argument("sweep", nargs="?", help="a sweep file (default: the baseline on made-up images)")
    added.add_argument("--workers", type=positive, help="as for 'run' (default: one a core)")
    json_option(added)


def doctor(options: Arguments) -> int:
    """Say what would break repeatability or speed here."""
    from sweeps.api.sweep import ready
    from sweeps.diagnostics.doctor import LEVELS, examine

    prepared = ready(Path(options.sweep)) if options.sweep else None
    err.print("trying a real training step of each architecture ...")
    findings = examine(prepared, Home.chosen(options.home), options.workers)
    counts = {level: sum(f.level == level for f in findings) for level in LEVELS}
    if options.json:
        print_json({"findings": [asdict(finding) for finding in findings], "counts": counts})
    else:
        for f in findings:
            out.print(f"{f.level:<8} {f.subject}: {f.what}{f.do and ' -> '}{f.do}", markup=False)
        verdict = "would break repeatability or the sweep" if counts["problem"] else "nothing is in the way"
        out.print(f"\nproblems {counts['problem']}, notes {counts['note']}, ok {counts['ok']}: {verdict}")
    return 1 if counts["problem"] else 0
