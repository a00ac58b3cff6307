"""The content of an exported model's ``model.json``; later exports and ``predict`` read it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sweeps.export.parity import Parity
from sweeps.export.selection import Made
from trainer.canonical import optional, recorded
from trainer.datasets.dataset import Fit
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import Value
from trainer.metrics.confusion import Confusion
from trainer.metrics.table import metric_called


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A model's score on some images.

    Attributes:
        images: number of images.
        f1: macro-F1, in [0, 1].
        accuracy: share of right predictions, in [0, 1].
        confusion: counts, rows true classes, columns predicted ones.
        metric: the sweep's metric, by its name in records.
        value: its value, if it is another one than macro-F1.
    """

    images: int
    f1: float
    accuracy: float
    confusion: Confusion
    metric: str = optional("f1")
    value: float | None = optional(None)

    @property
    def score(self) -> float:
        """The value of the sweep's metric."""
        return self.f1 if self.value is None else self.value

    @property
    def title(self) -> str:
        """The title of the sweep's metric."""
        return metric_called(self.metric).title


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidationScore(Score):
    """The trial's score on all held-out folds together, and the scores of single folds.

    Attributes:
        f1_mean: mean of the folds' macro-F1.
        f1_std: standard deviation of the folds' macro-F1; None for a single fold.
        f1_folds: each fold's macro-F1.
        best_epochs: each fold's best epoch, from 1.
    """

    f1_mean: float
    f1_std: float | None
    f1_folds: tuple[float, ...]
    best_epochs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldScore(Score):
    """The score of a single fold model on the fold that was held out from it."""

    fold: int | None
    repeat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefitsScore:
    """What the recorded refits of the model's trial score on the exam: the same training, other seeds.

    Attributes:
        count: number of refits that did not fail, at least 3.
        mean: their mean score.
        low: lower end of the 95 % interval for the mean over seeds, on these images; None if all are equal.
        high: upper end.
    """

    count: int
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerUp:
    """The model against that of the best other winner, on the exam's images.

    Attributes:
        trial: the name of the other winner; its model is its first refit.
        difference: score of this model minus that of the other one.
        low: lower end of the difference's interval.
        high: upper end.
        level: of that interval alone.
        of_pairs: number of pairs of models whose intervals hold together with 95 %.
        only_this_right: number of images that only this model gets right.
        only_other_right: number of images that only the other one gets right.
        p: of McNemar's exact two-sided test on these two numbers, for this pair alone; None with groups.
    """

    trial: str
    difference: float
    low: float
    high: float
    level: float
    of_pairs: int
    only_this_right: int
    only_other_right: int
    p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamScore(Score):
    """The model's score on the sweep's exam.

    What is None was not measured, or was exported by a version of refold that did not say it.

    Attributes:
        fingerprint: of the exam.
        low: lower end of the score's interval, for this model and new images like the exam's.
        high: upper end.
        level: of that interval alone.
        of_models: number of models that could have been chosen by their exam scores; the intervals of all
            hold together with 95 %.
        groups: number of the exam's groups, which count in place of images.
        refits: what the refits of its trial score.
        runner_up: the model against that of the best other winner.
    """

    fingerprint: str
    low: float | None = optional(None)
    high: float | None = optional(None)
    level: float | None = optional(None)
    of_models: int | None = optional(None)
    groups: int | None = optional(None)
    refits: RefitsScore | None = optional(None)
    runner_up: RunnerUp | None = optional(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The model's scores; None for a score that it does not have.

    Attributes:
        cross_validation: of its trial.
        fold: of a fold model on its own fold.
        test: on the exam.
        smaller_training: if the model was trained on the exam too, the score on the exam of the same refit
            on the images of the search alone. It is not this model's score.
    """

    cross_validation: CrossValidationScore
    fold: FoldScore | None
    test: ExamScore | None
    smaller_training: ExamScore | None = optional(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFit:
    """One of the fits that make the model: its spec and its result."""

    key: str
    spec: FitSpec
    epochs: int
    best_epoch: int
    initial_weights_sha256: str
    weights_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptDataset:
    """The dataset of the sweep; ``images`` is the number of its images."""

    name: str
    fingerprint: str
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InMlflow:
    """The model's place in MLflow: its version, the champion's alias, and the store."""

    uri: str
    champion_uri: str
    tracking_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatReport:
    """The model in one format.

    Attributes:
        file: its file or folder beside ``model.json``; None if only MLflow has it.
        bytes: its size in bytes.
        proof: the comparison with the trained model.
        mlflow: the model's place in MLflow; None for a file.
        sha256: the digest of the file or folder (``model_folder.digest_of``); None if it was exported before
            refold recorded it, or if only MLflow has it.
    """

    file: str | None
    bytes: int
    proof: Parity
    mlflow: InMlflow | None = None
    sha256: str | None = None

    @property
    def where(self) -> str:
        """The file's name, or the model's URI in MLflow."""
        return self.file or (self.mlflow.uri if self.mlflow else "")

    def to_json(self) -> dict[str, object]:
        """Return the report as flat JSON data; ``from_json`` is the inverse."""
        place = {} if self.mlflow is None else asdict(self.mlflow)
        kept = {} if self.sha256 is None else {"sha256": self.sha256}
        return {"file": self.file, **place, "bytes": self.bytes, **kept, **asdict(self.proof)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "FormatReport":
        """Rebuild a report from what ``to_json`` returned."""
        return cls(
            file=data["file"],
            bytes=data["bytes"],
            proof=Parity(**_known(Parity, data)),
            mlflow=InMlflow(**_known(InMlflow, data)) if "uri" in data else None,
            sha256=data.get("sha256"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAbout:
    """All facts about an exported model.

    Attributes:
        name: the name of its folder.
        sweep: the sweep's name.
        architecture: the architecture's name.
        trial: the number of the trial that it was made from.
        how: how it was made from the trial.
        key: SHA-256 of ``how`` and of its fits.
        scores: its scores.
        compared_on: what the images were on which its files were compared with it, in words.
        hyperparameters: the trial's hyperparameters.
        seed: the sweep's seed.
        fits: the fits that make it.
        weights_sha256: SHA-256 of its weights; with several fits, SHA-256 of their digests.
        dataset: the sweep's dataset.
        classes: the names of the classes, in the order of the probabilities.
        input_shape: (height, width, channels).
        pixel_max: the largest value of a pixel.
        image_size: (height, width) in pixels that the sweep resized its images to; None if it did not resize
            them.
        colour: ``"grey"`` or ``"rgb"`` if the sweep converted its images to it; else None.
        fit: how the sweep brought image files of other proportions to ``image_size``.
        versions: the versions of Python and of the packages that made it.
        platform: the system and the kind of processor that made it.
        formats: the model in each format, by the format's name.
        left_out: the formats that were asked for and cannot hold the model, each with the reason in one line;
            None if there is none.
    """

    name: str
    sweep: str
    architecture: str
    trial: int
    how: Made
    key: str
    scores: Scores
    compared_on: str
    hyperparameters: Mapping[str, Value]
    seed: int
    fits: tuple[ExportedFit, ...]
    weights_sha256: str
    dataset: SweptDataset
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    pixel_max: float
    image_size: tuple[int, int] | None
    colour: str | None
    versions: Mapping[str, str]
    platform: Mapping[str, str]
    formats: Mapping[str, FormatReport] = field(default_factory=dict)
    fit: Fit = optional("stretch")
    left_out: Mapping[str, str] | None = optional(None)

    def to_json(self) -> dict[str, object]:
        """Return the facts as plain JSON data; ``from_json`` is the inverse."""
        data: dict[str, object] = recorded(self)
        return data | {"formats": {name: form.to_json() for name, form in self.formats.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ModelAbout":
        """Rebuild the facts from what ``to_json`` returned; fields of newer versions are ignored.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: if the data is not that of a model.
        """
        height, width, channels = data["input_shape"]
        size = data["image_size"]
        parts = {
            "scores": _scores(data["scores"]),
            "fits": tuple(_fit(each) for each in data["fits"]),
            "dataset": SweptDataset(**_known(SweptDataset, data["dataset"])),
            "classes": tuple(data["classes"]),
            "input_shape": (height, width, channels),
            "image_size": None if size is None else tuple(size),
            "formats": {name: FormatReport.from_json(form) for name, form in data["formats"].items()},
        }
        return cls(**_known(cls, data) | parts)


def _known(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that a dataclass has fields for."""
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in data.items() if name in names}


def _score(kind: type, data: Mapping[str, Any]) -> Any:
    lists = {
        name: tuple(value) for name, value in data.items() if isinstance(value, list) and name != "confusion"
    }
    confusion = tuple(tuple(row) for row in data["confusion"])
    return kind(**_known(kind, data) | lists | {"confusion": confusion})


def _scores(data: Mapping[str, Any]) -> Scores:
    return Scores(
        cross_validation=_score(CrossValidationScore, data["cross_validation"]),
        fold=data["fold"] and _score(FoldScore, data["fold"]),
        test=data["test"] and _exam_score(data["test"]),
        smaller_training=_exam_score(smaller) if (smaller := data.get("smaller_training")) else None,
    )


def _exam_score(data: Mapping[str, Any]) -> ExamScore:
    parts = {"refits": RefitsScore, "runner_up": RunnerUp}
    read = {name: kind(**_known(kind, data[name])) for name, kind in parts.items() if data.get(name)}
    score: ExamScore = _score(ExamScore, {**data, **read})
    return score


def _fit(data: Mapping[str, Any]) -> ExportedFit:
    return ExportedFit(**_known(ExportedFit, data) | {"spec": FitSpec.from_json(data["spec"])})
