"""A recorded sweep for notebooks: its leaderboard, data frames, figures, and its best model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sweeps import frames
from sweeps.analysis.best_trial import find_trial, pick
from sweeps.export.pipeline import Exported
from sweeps.export.predict import Images, Prediction
from sweeps.export.recorded_sweep import KERAS, ExportOptions, export_recorded, exported_folder
from sweeps.export.selection import How
from sweeps.home import Home
from tracking.ledger.ledger import Ledger
from tracking.records import SweepRecord, TrialRecord
from trainer.errors import UsageError
from trainer.escaping import for_html, for_terminal
from trainer.hyperparameters import Value

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from sweeps.analysis.choices import Claim, On
    from sweeps.analysis.exam.report import ExamReport
    from sweeps.analysis.folds.report import ComparisonReport
    from tracking.reports.out_of_fold import OutOfFold
    from trainer.datasets import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSummary:
    """A trial's score and hyperparameters.

    Attributes:
        trial: its name, as in every command: ``"resnet/3"``.
        metric: the name of the sweep's metric, like ``"f1_macro"``.
        score: its value: of all held-out folds pooled; for a metric of probabilities the mean of the folds.
        f1: macro-F1 of all held-out folds pooled, in [0, 1].
        f1_mean: mean of the folds' macro-F1.
        f1_std: standard deviation of the folds' macro-F1; None with a single fold.
        hyperparameters: the hyperparameters that it was trained with.
    """

    trial: str
    metric: str
    score: float | None
    f1: float | None
    f1_mean: float | None
    f1_std: float | None
    hyperparameters: Mapping[str, Value]


class Outcome:
    """A recorded sweep, as it was when it was run or opened; ``refresh`` reads what was recorded since.

    A notebook and a terminal show it as its leaderboard.

    Attributes:
        home: the folder of its record.
        record: everything that is recorded of it, as plain data.
        trust_code: whether the methods that train may run the record's own code, even if the home is somebody
            else's.
    """

    def __init__(self, home: Home, record: SweepRecord, *, trust_code: bool = False) -> None:
        self.home = home
        self.record = record
        self.trust_code = trust_code

    @classmethod
    def of(cls, home: Home, name: str, *, trust_code: bool = False) -> "Outcome":
        """Return what a home has recorded of a sweep.

        Raises:
            UsageError: if there is no such home or sweep.
        """
        with Ledger.read(home.path) as ledger:
            return cls(home, ledger.sweep(name), trust_code=trust_code)

    def refresh(self) -> "Outcome":
        """Read again what is recorded, and return this outcome."""
        self.record = Outcome.of(self.home, self.name).record
        return self

    @property
    def name(self) -> str:
        """The sweep's name."""
        return self.record.name

    @property
    def digest(self) -> str:
        """SHA-256 over all results: two sweeps have the same results exactly when their digests are equal."""
        return self.record.digest

    @property
    def best(self) -> TrialSummary:
        """The trial that ``export`` takes: the best on the exam, after ``compare`` has judged all winners.

        Else it is the best on fresh repeats, if ``compare`` has trained these of all winners; else the best
        of the search (see ``sweeps.analysis.best_trial.rank``).

        Raises:
            UsageError: if no trial is complete.
        """
        trial = pick(self.record)
        return TrialSummary(
            trial=trial.name,
            metric=trial.metric.name,
            score=trial.score,
            f1=trial.f1,
            f1_mean=trial.f1_mean,
            f1_std=trial.f1_std,
            hyperparameters=dict(trial.hyperparameters),
        )

    def leaderboard(self) -> "pd.DataFrame":
        """Return each architecture's best trial, best first; see ``sweeps.frames.leaderboard``."""
        return frames.leaderboard(self.record)

    def trials(self) -> "pd.DataFrame":
        """Return one row per trial: architecture, number, state, f1, f1_mean, f1_std, its hyperparameters."""
        return frames.trials(self.record)

    def folds(self) -> "pd.DataFrame":
        """Return one row per fit: architecture, number, fold, f1, best_epoch, epochs, digest, seeds."""
        return frames.folds(self.record)

    def epochs(self) -> "pd.DataFrame":
        """Return one row per epoch: architecture, number, fold, epoch, losses (nats), accuracies, stop_f1."""
        return frames.epochs(self.record)

    def __repr__(self) -> str:
        table = frames.as_text(self.leaderboard())
        body = table.to_string() if len(table) else "no trial is complete"
        return f"{for_terminal(self._headline())}\n{body}"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        table = frames.as_text(self.leaderboard())
        body = table.to_html(border=0) if len(table) else "no trial is complete"
        return f"<p>{for_html(self._headline())}</p>\n{body}"

    def _headline(self) -> str:
        ended, asked = self.record.progress
        return f"sweep {self.name}: {ended} of {asked} trials ended, digest {self.digest[:16]}"

    def plot_history(self) -> "Figure":
        """Draw each trial's score against its number, and each architecture's best score so far."""
        from tracking.reports import drawing, sweep_pictures

        return drawing.displayed(sweep_pictures.optimisation_history(self._with_scores()))

    def plot_folds(self) -> "Figure":
        """Draw the scores of the best trials' folds: how much the choice of images alone changes a score."""
        from tracking.reports import drawing, sweep_pictures

        return drawing.displayed(sweep_pictures.fold_scores(self._with_scores()))

    def plot_hyperparameters(self) -> "Figure":
        """Draw the score of every complete trial against each hyperparameter."""
        from tracking.reports import drawing, sweep_pictures

        return drawing.displayed(sweep_pictures.score_against_hyperparameters(self._with_scores()))

    def plot_importance(self) -> "Figure":
        """Draw the share of the variance between trials that each hyperparameter explains alone."""
        from tracking.reports import drawing, sweep_pictures

        return drawing.displayed(sweep_pictures.parameter_importance(self._with_scores()))

    def plot_parallel(self) -> "Figure":
        """Draw every complete trial as a line through the hyperparameters that all architectures share."""
        from tracking.reports import drawing, sweep_pictures

        return drawing.displayed(sweep_pictures.parallel_coordinates(self._with_scores()))

    def plot_curves(self, trial: str | None = None) -> "Figure":
        """Draw a trial's stop-set scores and losses against the epoch, one line per fold.

        Args:
            trial: ``"resnet/3"``; the best if None.

        Raises:
            UsageError: if there is no such trial.
        """
        from tracking.reports import drawing, trial_pictures

        return drawing.displayed(trial_pictures.learning_curves(self._trial(trial)))

    def plot_confusion(self, trial: str | None = None) -> "Figure":
        """Draw the confusion matrix of a trial's held-out predictions, all folds together.

        Args:
            trial: ``"resnet/3"``; the best if None.

        Raises:
            UsageError: if there is no such trial, or no fold of it has ended.
        """
        from tracking.reports import drawing, trial_pictures

        found = self._trial(trial)
        if found.confusion is None:
            name = found.name
            raise UsageError(f"no fold of {name} has ended: there is nothing to draw")
        return drawing.displayed(trial_pictures.confusion_picture(found, self.record.dataset.classes))

    def plot_mistakes(self, trial: str | None = None) -> "Figure":
        """Draw the held-out images that a trial classified wrongly with the highest confidence.

        Args:
            trial: ``"resnet/3"``; the best if None.

        Raises:
            UsageError: if there is no such trial, the trial made no mistake, or the stored images are gone.
        """
        from tracking.reports import drawing, trial_pictures

        found = self._trial(trial)
        predictions, dataset = self._predictions(found)
        if predictions is None or not len(predictions.mistakes()):
            name = found.name
            raise UsageError(f"{name} has no held-out image with a wrong class")
        return drawing.displayed(trial_pictures.most_confused(found, predictions, dataset))

    def predictions(self, trial: str | None = None) -> "pd.DataFrame":
        """Return a trial's predictions for the held-out images, mistakes first, the most confident on top.

        Columns: image (its place in the images of the search), path (of its file, if images have files),
        true, predicted, confidence (the probability of the predicted class, in [0, 1]), correct, fold.

        Args:
            trial: ``"resnet/3"``; the best if None.

        Raises:
            UsageError: if there is no such trial, none of its folds has ended, or the stored images are gone.
        """
        import pandas as pd

        found = self._trial(trial)
        predictions, _ = self._predictions(found)
        if predictions is None:
            raise UsageError(f"no fold of {found.name} has ended: there are no predictions")
        return pd.DataFrame(predictions.columns(self.record.dataset.classes))

    def class_scores(self, trial: str | None = None) -> "pd.DataFrame":
        """Return precision, recall and F1 of each class with 95 % intervals, one row per class.

        They are those of a trial's held-out predictions, all folds together; see
        ``sweeps.frames.class_scores`` for the columns. The intervals are for new images (or groups, if the
        images have groups), classified by the networks of the trial's folds.

        Args:
            trial: ``"resnet/3"``; the best if None.

        Raises:
            UsageError: if there is no such trial, none of its folds has ended, or the images have groups and
                the stored images are gone.
        """
        from sweeps.analysis.trial_scores import NO_GROUPS, trial_scores

        found, dataset = self._scored_trial(trial), self.record.dataset
        held_out = None if dataset.groups is None else self._predictions(found)[0]
        scores = trial_scores(found, dataset, held_out)
        if scores is None:
            raise UsageError(f"{found.name}: {NO_GROUPS}")
        return frames.class_scores(dataset.classes, scores.classes)

    def confused(self, trial: str | None = None) -> "pd.DataFrame":
        """Return which classes a trial took for which others, the most frequent mistakes first.

        Columns: true, predicted, images, of (all held-out images of the true class), share (in (0, 1]).

        Args:
            trial: ``"resnet/3"``; the best if None.

        Raises:
            UsageError: if there is no such trial, or none of its folds has ended.
        """
        from tracking.reports.confused import confused

        confusion = self._scored_trial(trial).confusion
        return frames.confused(confused(self.record.dataset.classes, confusion or ()))

    def _predictions(self, trial: TrialRecord) -> "tuple[OutOfFold | None, Dataset]":
        from tracking.reports.out_of_fold import HeldOut
        from trainer.datasets import open_stored, stored_at

        dataset = open_stored(stored_at(self.home.path / "datasets", self.record.dataset.fingerprint))
        return HeldOut(dataset).of(trial), dataset

    def compare(  # noqa: PLR0913 - a notebook's command line
        self,
        *,
        on: "On | None" = None,
        refits: int | None = None,
        architectures: Sequence[str] | None = None,
        repeats: int | None = None,
        claim: "Claim | None" = None,
        rope: float | None = None,
        workers: int | None = None,
        tracking_uri: str | None = None,
        console: Console | None = None,
        wait: bool = False,
    ) -> "ExamReport | ComparisonReport":
        """Train each architecture's winner again; say which is best, and how sure that is.

        Args:
            on: ``"exam"``: refits of the winners are judged on the exam, images that the search never saw;
                ``"folds"``: fresh repeats of the cross-validation, on the images of the search. If None, the
                exam of a sweep that has one, else the folds.
            refits: of the exam: number of refits of each winner, at least 3; if None, 5 or the recorded
                number, if that is higher.
            architectures: of the exam: those whose winners are compared; all if None.
            repeats: of the folds: number of repeats of each winner, at least 2; if None, 5 or the recorded
                number, if that is higher.
            claim: of the folds: ``"new-data"`` (if None), about other images of the same source, or
                ``"this-data"``, about these images.
            rope: a difference of scores that does not matter; the one that was fixed when the sweep began if
                None.
            workers: number of processes that train side by side; one per core if None.
            tracking_uri: MLflow's store; if None, the store that has the sweep's record.
            console: where to show progress; standard error if None.
            wait: whether to wait for another command that holds the home, instead of giving up.

        Raises:
            UsageError: if something is missing or wrong; fits that were trained before the error stay
                recorded.
            WorkersFailed: if a fit cannot be run; call again to go on.
        """
        from sweeps.analysis.compare import compare
        from sweeps.analysis.context import AnalysisContext

        where = AnalysisContext(
            home=self.home, workers=workers, tracking_uri=tracking_uri, console=console, wait=wait,
            trust_code=self.trust_code,
        )  # fmt: skip
        found = compare(
            where, self.name, on=on, refits=refits, architectures=architectures, repeats=repeats,
            claim=claim, rope=rope,
        )  # fmt: skip
        self.refresh()
        return found

    def export(  # noqa: PLR0913 - a notebook's command line
        self,
        *,
        how: How = "refit",
        architecture: str | None = None,
        trial: str | None = None,
        formats: Sequence[str] = ("keras",),
        out: Path | str = Path(),
        force: bool = False,
        include_exam: bool = False,
        tracking_uri: str | None = None,
        processes: int | None = None,
        say: Callable[[str], None] = lambda _text: None,
        wait: bool = False,
    ) -> Exported:
        """Export a model: make it, write it in every format asked for, and prove each file.

        Args:
            how: ``"refit"`` (trained on all training data), ``"ensemble"`` (the average of the fold models)
                or ``"best-fold"`` (one fold's model).
            architecture: take the best trial of this architecture; the best of all architectures if None.
            trial: take this trial, like ``"resnet/3"``.
            formats: ``"keras"``, ``"savedmodel"``, ``"onnx"``, ``"litert"``, ``"mlflow"``, or ``"all"``.
            out: the folder in which the model's own folder is made.
            force: whether to replace another model of the same name.
            include_exam: whether to train a refit on the exam's images too. No unseen image is left to score
                it on: its description has the score of the smaller training.
            tracking_uri: MLflow's store, for the format ``"mlflow"``; if None, the store that has the sweep's
                record.
            processes: number of processes that train side by side; one per core if None.
            say: called with each line about the progress, after the input has been checked.
            wait: whether to wait for another command that holds the home, instead of giving up.

        Raises:
            UsageError, Mismatch, ViewUnavailable: see ``sweeps.export.recorded_sweep.export_recorded``.
        """
        options = ExportOptions(
            how=how, architecture=architecture, trial=trial, formats=formats, out=out, force=force,
            tracking_uri=tracking_uri, processes=processes, say=say, wait=wait,
            trust_code=self.trust_code, include_exam=include_exam,
        )  # fmt: skip
        return export_recorded(self.home, self.name, options)

    def model(self, *, how: How = "refit", trial: str | None = None) -> Any:
        """Return the best model, loaded from its export; it is exported to the home's ``models`` first.

        Args:
            how: how the model is made, as in ``export``.
            trial: like ``"resnet/3"``; the best if None.

        Returns:
            A ``keras.Model``: raw pixels ``[n, height, width, channels]`` to probabilities
            ``[n, classes]``.

        Side effects:
            Imports Keras and TensorFlow.

        Raises:
            UsageError, Mismatch: as for ``export``; UsageError also if the file cannot be loaded here.
        """
        from trainer.formats.keras_model import load_keras_model

        return load_keras_model(self._exported(how, trial) / KERAS)

    def predict(self, images: Images, *, how: How = "refit", trial: str | None = None) -> list[Prediction]:
        """Classify images with the best model, in a separate process; it is exported first if it was not.

        Args:
            images: files and folders of PNG and JPEG images, or an array ``[n, height, width, channels]`` of
                pixels like those that the sweep was run on.
            how: how the model is made, as in ``export``.
            trial: like ``"resnet/3"``; the best if None.

        Raises:
            UsageError, Mismatch: as for ``export``; UsageError also if an image does not fit the model.
        """
        from sweeps.export.predict import predict

        return predict(self._exported(how, trial), images)

    def _exported(self, how: How, trial: str | None) -> Path:
        options = ExportOptions(
            how=how, trial=trial, out=self.home.path / "models", trust_code=self.trust_code
        )
        return exported_folder(self.home, self.name, options)

    def _trial(self, name: str | None) -> TrialRecord:
        return pick(self.record) if name is None else find_trial(self.record, name)

    def _scored_trial(self, name: str | None) -> TrialRecord:
        found = self._trial(name)
        if found.confusion is None:
            raise UsageError(f"no fold of {found.name} has ended: there are no predictions")
        return found

    def _with_scores(self) -> SweepRecord:
        if not self.record.ranking:
            raise UsageError(f"no trial of the sweep {self.name!r} is complete yet: there is nothing to draw")
        return self.record
