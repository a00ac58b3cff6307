"""The MLflow content of confirmed winners and of reports, which come after the search, as plain data."""

from collections.abc import Callable
from dataclasses import replace

from tracking.mlflow.content import RunContent, sweep_identity, trial_content
from tracking.mlflow.exam_refits import examined_points
from tracking.mlflow.points import Point, ended_at, legal_name, milliseconds
from tracking.records import SweepRecord, TrialRecord
from trainer.canonical import digest
from trainer.escaping import for_file_name, for_terminal


def confirmation_content(record: SweepRecord, trial: TrialRecord) -> RunContent:
    """Return the run of a winner's fresh repeats: like a trial's run, with other metric names.

    Its metrics do not begin with ``cv/``, or MLflow would rank it among the trials that it was chosen from.
    """
    content = trial_content(replace(record, fits_per_trial=len(trial.folds)), trial)
    points = [replace(point, key=point.key.replace("cv/", "confirmed/", 1)) for point in content.points]
    key = f"{sweep_identity(record)}/confirmation/{for_terminal(trial.name)}"
    return replace(
        content,
        key=key,
        name=f"{for_terminal(trial.name)} confirmed",
        tags={**content.tags, "refold.kind": "confirmation", "refold.key": key},
        points=tuple(points),
    )


def with_conclusions(record: SweepRecord, content: RunContent) -> RunContent:
    """Return the sweep's run with its reports (a page and JSON each) and the confirmed scores."""
    files: dict[str, Callable[[], bytes]] = {}
    for kind, report in record.reports.items():
        name = for_file_name(kind)
        files[f"{name}.json"] = report.content.encode
        if report.page:
            files[f"{name}.html"] = report.page.encode
    if not files:
        return content
    texts = [(report.content, report.page) for report in record.reports.values()]
    return replace(
        content,
        points=(*content.points, *_confirmed_points(record), *examined_points(record)),
        files={**content.files, **files},
        files_digest=f"{content.files_digest}+{digest(texts)}",
    )


def _confirmed_points(record: SweepRecord) -> list[Point]:
    """Return each confirmed winner's mean score; the step is the number of its repeats."""
    return [
        Point(
            legal_name(f"confirmed_of/{trial.architecture}"),
            trial.score_mean,
            milliseconds(ended_at(trial)),
            len(trial.folds) // record.fits_per_trial,
        )
        for trial in record.confirmed
        if trial.state == "complete" and trial.score_mean is not None
    ]
