"""Reports: a comparison and a variance analysis are concluded again from the recorded fits.

A report says how many trials it knew of; if the sweep was continued since, it is concluded again from those.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from sweeps.analysis import variance_components
from sweeps.analysis.exam import comparison as on_exam
from sweeps.analysis.exam import wording as exam_wording
from sweeps.analysis.exam.comparison import Exam, ExamSettings
from sweeps.analysis.exam.page import page as exam_page
from sweeps.analysis.folds import comparison, wording
from sweeps.analysis.folds.comparison import Comparison, ComparisonSettings
from sweeps.analysis.folds.page import page
from sweeps.analysis.variance_components import Variances
from sweeps.definition.changes import Change
from sweeps.definition.identity import Difference
from tracking.ledger.contents import SweepContents
from tracking.records import Purpose, ReportRecord, SweepRecord
from trainer.errors import UsageError, one_line
from trainer.fits.names import trial_name
from trainer.fits.split import Divisible

#: What a comparison says since winners can be compared on an exam. Of an earlier one the numbers are
#: compared, but neither its words nor its advice.
NEWER = "on"

#: What the hyperparameters' part of a variance analysis has since pruned trials are in it.
OLDER_PART = "pruned_later"

#: What an earlier comparison says in words or as advice, and what it does not have yet.
OF_EARLIER = (
    *("claim_in_words", "conclusion", "verdict_in_words"),
    *("settled_by", "power_of_advice", "p_5x2cv_f", "on"),
)

#: Another SciPy may round the last digits differently.
TOLERANCE = 1e-9


#: What concluding again from a content raises that is none of refold's.
UNUSABLE = (
    ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, RecursionError, UsageError,
)  # fmt: skip

Conclusion = TypeVar("Conclusion")


def report_differences(
    record: SweepRecord, contents: SweepContents, data: Divisible, exam: Exam | None
) -> tuple[list[Difference], list[str]]:
    """Conclude each report again; return the differences, and lines about what could not be compared.

    Args:
        record: the sweep.
        contents: its rows, which have the fits of the variance analyses.
        data: labels and groups of the images of the search.
        exam: the sweep's exam; None if it has none.
    """
    found: list[Difference] = []
    notes: list[str] = []
    for name, report in record.reports.items():
        try:
            differ, explained = _compared(name, report, record, contents, data, exam)
        except UNUSABLE as error:
            differ = [("content", f"it does not follow from the recorded fits: {one_line(error)}")]
            explained = []
        found += [Difference(subject=part, where=f"report {name}", what=what) for part, what in differ]
        notes += [f"report {name}: {what}" for what in explained]
    return found, notes


def _compared(
    name: str,
    report: ReportRecord,
    record: SweepRecord,
    contents: SweepContents,
    data: Divisible,
    exam: Exam | None,
) -> tuple[list[tuple[str, str]], list[str]]:
    content = json.loads(report.content)
    if name == Purpose.EXAM:
        return _compared_on_exam(report, content, record, exam)
    if name == Purpose.COMPARISON:
        asked = ComparisonSettings(repeats=content["repeats"], rope=content["rope"], claim=content["claim"])
        counts = {each["architecture"]: each["trials"] for each in content["architectures"]}

        def compare(then: SweepRecord) -> Comparison:
            return comparison.compare(then, data, asked)

        differ, drawn = _concluded(content, _as_then(record, counts), compare, wording.to_json)
        for each in drawn:
            return _of_page(report.page, page(each), older=NEWER not in content, sweep=record.name)
        return differ, []
    architecture = name.removeprefix(f"{Purpose.VARIANCE}-")
    if architecture == name or architecture not in record.architectures:
        return [("name", "refold writes no report of this name")], []
    part = content["hyperparameters"]
    older = part is None or OLDER_PART not in part
    differ, _ = _concluded(
        content if not older else {**content, "hyperparameters": None},
        [record] if older else [_with_ended(record, architecture, part), record],
        lambda then: _variance(then, contents, architecture, content),
        lambda found: {**variance_components.to_json(found), **({"hyperparameters": None} if older else {})},
    )
    again = f"'refold variance {record.name} --architecture {architecture}' estimates it again"
    notes = [f"an earlier refold has estimated the hyperparameters' part, which was not compared: {again}"]
    return differ or ([("page", "it has none")] if report.page else []), notes if older else []


def _compared_on_exam(
    report: ReportRecord, content: Mapping[str, Any], record: SweepRecord, exam: Exam | None
) -> tuple[list[tuple[str, str]], list[str]]:
    if exam is None:
        return [("exam", "the sweep has none")], []
    architectures = content["asked_for"]
    asked = ExamSettings(
        refits=content["refits"],
        rope=content["rope"],
        architectures=None if architectures is None else tuple(architectures),
        looks=tuple(content["looks"]),
    )
    counts = {each["name"]: each["trials"] for each in content["architectures"]}
    differ, drawn = _concluded(
        content,
        _as_then(record, counts),
        lambda then: on_exam.compare(then, exam, asked),
        exam_wording.to_json,
    )
    for each in drawn:
        return _of_page(report.page, exam_page(each), older=False, sweep=record.name)
    return differ, []


def _concluded(
    content: Mapping[str, Any],
    records: Iterable[SweepRecord],
    conclude: Callable[[SweepRecord], Conclusion],
    to_json: Callable[[Conclusion], Mapping[str, Any]],
) -> tuple[list[tuple[str, str]], list[Conclusion]]:
    """Return how a report differs from what is concluded again, and the first conclusion that is equal."""
    first: list[tuple[str, str]] = []
    for record in records:
        try:
            drawn = conclude(record)
        except UsageError as error:
            first = first or [("content", f"it does not follow from the recorded fits: {error}")]
            continue
        differ = _differ(content, to_json(drawn))
        if not differ:
            return [], [drawn]
        first = first or differ
    return first, []


def _variance(
    record: SweepRecord, contents: SweepContents, architecture: str, content: Mapping[str, Any]
) -> Variances:
    number, rows = content["trial"], content["rows"] + content["failed_rows"]
    keys = contents.further[Purpose.VARIANCE][architecture, number]
    fits = {place: contents.fits[key] for place, key in keys.items() if key in contents.fits}
    name = trial_name(architecture, number)
    trial = next(trial for trial in record.trials if trial.name == name)
    return variance_components.variances(record, trial, fits, rows)


def _as_then(record: SweepRecord, counts: Mapping[str, int]) -> Iterator[SweepRecord]:
    """Yield the record as it may have been when a report was written: with so many complete trials of each.

    Trials come in the order of their numbers, so an earlier record has the first ones. The whole record comes
    last if its counts are others.
    """
    seen = set()
    for end in range(record.trials_per_architecture, 0, -1):
        trials = tuple(trial for trial in record.trials if trial.number < end)
        complete = dict.fromkeys(record.architectures, 0)
        for trial in trials:
            complete[trial.architecture] += trial.state == "complete"
        known = tuple(complete.values())
        if known not in seen and all(complete.get(name) == count for name, count in counts.items()):
            yield replace(record, trials=trials)
        seen.add(known)
    yield record


def _with_ended(record: SweepRecord, architecture: str, part: Mapping[str, Any]) -> SweepRecord:
    """Return the record as it was when the hyperparameters' part was estimated: with so many ended trials."""
    ended = sum(part[state] for state in ("complete", "pruned_later", "pruned_unscored", "failed"))
    trials = (each for each in record.trials if each.architecture != architecture or each.number < ended)
    return replace(record, trials=tuple(trials))


def _differ(content: Mapping[str, Any], derived: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the names and words of what two contents do not have in common."""
    earlier = NEWER not in content and "pairs" in content
    here = json.loads(json.dumps(derived))
    found = []
    for path, then, now in _leaves("", content, here):
        name = path.rpartition(".")[2]
        if not _equal(then, now) and not (earlier and name in OF_EARLIER):
            found.append(
                (path.removeprefix("."), Change(path, then, now).said("recorded", "concluded again"))
            )
    return found


def _leaves(path: str, then: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield every value of two JSON texts with its place; where their shapes differ, the two parts."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in sorted(then.keys() | now.keys()):
            yield from _leaves(f"{path}.{name}", then.get(name), now.get(name))
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for index, (one, other) in enumerate(zip(then, now, strict=True)):
            yield from _leaves(f"{path}.{index}", one, other)
    else:
        yield path, then, now


def _equal(then: Any, now: Any) -> bool:
    if isinstance(then, float) and isinstance(now, float):
        return math.isclose(then, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return type(then) is type(now) and bool(then == now)


def _of_page(then: str, now: str, *, older: bool, sweep: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Compare a page with the one that follows from its numbers."""
    if then == now:
        return [], []
    again = f"'refold compare {sweep}' writes it again"
    if older:
        return [], [f"an earlier refold has written its page, which was not compared: {again}"]
    if _without_pictures(then) == _without_pictures(now):
        return [], [f"its pictures are not those that this Matplotlib draws of its numbers: {again}"]
    words = (" ".join(_without_pictures(text).split()) for text in (then, now))
    differ = Change("page", *words)
    return [("page", f"{differ.said('recorded', 'concluded again')}: {again}")], []


def _without_pictures(text: str) -> str:
    return re.sub(r'src="data:image/svg\+xml;base64,[A-Za-z0-9+/=]*"', 'src=""', text)
