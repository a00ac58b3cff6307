"""What ``model.json`` says of an exported model; the next export of it and ``predict`` read it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sweeps.export.parity import Parity
from sweeps.export.selection import How
from trainer.canonical import recorded
from trainer.fits.results import Confusion
from trainer.fits.specs import FitSpec
from trainer.hyperparameters import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a model scored on some images.

    Attributes:
        images: how many.
        f1: macro-F1 in [0, 1].
        accuracy: in [0, 1].
        confusion: counts, rows true classes, columns predicted ones.
    """

    images: int
    f1: float
    accuracy: float
    confusion: Confusion


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidationScore(Score):
    """The trial's score: all held-out folds together, and how the single ones spread.

    Attributes:
        f1_mean: mean of the folds' macro-F1.
        f1_std: standard deviation of the folds' macro-F1, None for a single one.
        f1_folds: each fold's macro-F1.
        best_epochs: each fold's best epoch, from 1.
    """

    f1_mean: float
    f1_std: float | None
    f1_folds: tuple[float, ...]
    best_epochs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldScore(Score):
    """What a single fold model scored on the fold that was held out from it."""

    fold: int | None
    repeat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamScore(Score):
    """What the model scored on the official test set of that fingerprint."""

    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What the model scored where; None where there is no such score."""

    cross_validation: CrossValidationScore
    fold: FoldScore | None
    test: ExamScore | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFit:
    """One of the fits that make the model, with what it was asked for and what came of it."""

    key: str
    spec: FitSpec
    epochs: int
    best_epoch: int
    initial_weights_sha256: str
    weights_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptDataset:
    """The dataset of the sweep; ``images`` is how many there were."""

    name: str
    fingerprint: str
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InMlflow:
    """Where MLflow has the model: this version, the champion's alias, and the store."""

    uri: str
    champion_uri: str
    tracking_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatReport:
    """The model in one format.

    Attributes:
        file: its file or folder beside ``model.json``; None where MLflow alone has it.
        bytes: its size.
        proof: how it compared with the trained model.
        mlflow: where MLflow has it; None for a file.
    """

    file: str | None
    bytes: int
    proof: Parity
    mlflow: InMlflow | None = None

    @property
    def where(self) -> str:
        """The file's name, or MLflow's address of the model."""
        return self.file or (self.mlflow.uri if self.mlflow else "")

    def to_json(self) -> dict[str, object]:
        """Return the report as plain JSON data, without levels; ``from_json`` is the inverse."""
        place = {} if self.mlflow is None else asdict(self.mlflow)
        return {"file": self.file, **place, "bytes": self.bytes, **asdict(self.proof)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "FormatReport":
        """Rebuild a report from what ``to_json`` returned."""
        return cls(
            file=data["file"],
            bytes=data["bytes"],
            proof=Parity(**_known(Parity, data)),
            mlflow=InMlflow(**_known(InMlflow, data)) if "uri" in data else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAbout:
    """All that is known of an exported model.

    Attributes:
        name: of its folder.
        sweep: the sweep's name.
        architecture: its name.
        trial: number of the trial that it was made from.
        how: it was made of the trial.
        key: which fits make it: SHA-256.
        scores: what it scored where.
        compared_on: what the images were on which its files had to agree with it.
        hyperparameters: of the trial.
        seed: the sweep's.
        fits: that make it.
        weights_sha256: of its weights; of the digests of several.
        dataset: of the sweep.
        classes: their names in the order of the probabilities.
        input_shape: (height, width, channels).
        pixel_max: the value of a full pixel.
        image_size: (height, width) that the sweep brought its images to; None if they came so.
        colour: ``"grey"`` or ``"rgb"`` where the sweep brought its images to it.
        versions: of Python and the packages that made it.
        platform: system and kind of processor that made it.
        formats: the model in each format, by the format's name.
    """

    name: str
    sweep: str
    architecture: str
    trial: int
    how: How
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

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON data; ``from_json`` is the inverse."""
        data: dict[str, object] = recorded(self)
        return data | {"formats": {name: form.to_json() for name, form in self.formats.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ModelAbout":
        """Rebuild it from what ``to_json`` returned; what only a newer version says is left out.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: if it is something else.
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
    """Return what a dataclass has fields for."""
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
        test=data["test"] and _score(ExamScore, data["test"]),
    )


def _fit(data: Mapping[str, Any]) -> ExportedFit:
    return ExportedFit(**_known(ExportedFit, data) | {"spec": FitSpec.from_json(data["spec"])})
