"""The largest number of everything that a user can ask for or hand over, in one table.

Each limit is far above what a real job needs, and low enough that nothing below it overflows or makes a
command hang before training. ``docs/limits.md`` has the same table for users; a test compares the two.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest number of something.

    Attributes:
        what: what is counted, in words.
        most: the largest valid number.
        where: the keys and options that it applies to, as a user writes them.
    """

    what: str
    most: int
    where: str

    @property
    def said(self) -> str:
        """The number as messages have it.

        >>> Limit("trials of an architecture", 100_000, "trials").said
        '100,000'
        """
        return f"{self.most:,}"


# Texts

SWEEP_FILE = Limit("bytes of a sweep file", 1_000_000, "the sweep file")
DECLARED = Limit("bytes of the files that an architecture reads", 32_000_000, "`architectures.NAME.files`")
PYTHON_FILE = Limit("bytes of a Python file of yours", 1_000_000, "`architectures.NAME.source`")
NESTING = Limit("levels of tables and lists inside each other", 32, "TOML and JSON files")
INTEGER = Limit("a whole number, with either sign", 2**63 - 1, "TOML and JSON files")
TEXT = Limit("characters of one text", 4_096, "any text in a sweep file")
NAME = Limit("characters of a name", 100, "sweeps, architectures, classes, experiments, hyperparameters")
KEY = Limit("characters of a key", 100, "TOML files")
ENTRIES = Limit("entries of one list", 1_000, "any list in a sweep file")

# Sweeps

SEED = Limit("the seed", 2**31 - 1, "`seed`")
TRIALS = Limit("trials of an architecture", 100_000, "`trials`, `search.startup`, `prune.startup`")
WINDOW = Limit("trials of an architecture that are open at once", 500, "`search.window`")
ARCHITECTURES = Limit("architectures", 100, "`architectures`")
FOLDS = Limit("folds", 1_000, "`cv.folds`, `--fold`")
EPOCHS = Limit(
    "epochs of a fit",
    100_000,
    "`cv.epochs`, `cv.patience`, `prune.rungs`, `warmup_epochs`, `decay_every`, `plateau_patience`",
)
MINUTES = Limit("minutes of a fit (30 days)", 43_200, "`limits.fit_minutes`")

# Hyperparameters

HYPERPARAMETERS = Limit("hyperparameters of an architecture", 100, "`architectures.NAME`")
BATCH_SIZE = Limit("images of a batch", 65_536, "`batch_size`")
RATE = Limit(
    "learning rate, weight decay, norm of the gradients",
    1_000,
    "`learning_rate`, `weight_decay`, `clip_norm`",
)
FOCAL_GAMMA = Limit("the gamma of a focal loss", 100, "`focal_gamma`")
DEGREES = Limit("degrees of a rotation, to either side", 180, "`augment_rotate`")
FILTERS = Limit("filters of a built-in architecture", 4_096, "`filters`, `growth_rate`")
UNITS = Limit("units of a built-in architecture's dense layer", 65_536, "`dense_units`")
DEPTH = Limit("blocks, or layers of a block, of a built-in architecture", 64, "`blocks`, `layers`")
WHOLE = Limit("any other whole number, with either sign", 1_000_000_000, "`architectures.NAME`")
REAL = Limit("a number with a point, with either sign", 10**15, "`architectures.NAME`")

# Data

IMAGES = Limit("images", 10_000_000, "datasets, `dataset.samples`, `--test-images`")
IMAGE_SIDE = Limit("pixels of an image's height or width", 4_096, "images as trained, `dataset.image_size`")
FILE_PIXELS = Limit("pixels of one image file", 80_000_000, "image files")
CLASSES = Limit("classes", 4_096, "datasets")
EXCLUDED = Limit("bytes of a list of excluded images", 100_000_000, "`dataset.exclude`")
MODEL = Limit("bytes of a model's description", 100_000_000, "`model.json`, Keras' `config.json`")

# Commands

WORKERS = Limit("workers", 1_024, "`--workers`, `--nworkers`, `--per-gpu`")
REPEATS = Limit("repeats of a winner", 1_000, "`refold compare --repeats`")
REFITS = Limit("refits of a winner", 1_000, "`refold compare --refits`")
ROWS = Limit("rows of a design", 10_000, "`refold variance --rows`")
COMPARED = Limit("architectures to plan for", 1_000, "`refold plan --architectures`")
SECONDS = Limit("seconds to wait (a week)", 604_800, "`--cluster-wait`")
DAYS = Limit("days that certificates are valid (100 years)", 36_500, "`refold certificates --days`")

TABLE = (
    *(SWEEP_FILE, DECLARED, PYTHON_FILE, NESTING, INTEGER, TEXT, NAME, KEY, ENTRIES),
    *(SEED, TRIALS, WINDOW, ARCHITECTURES, FOLDS, EPOCHS, MINUTES),
    *(HYPERPARAMETERS, BATCH_SIZE, RATE, FOCAL_GAMMA, DEGREES, FILTERS, UNITS, DEPTH, WHOLE, REAL),
    *(IMAGES, IMAGE_SIDE, FILE_PIXELS, CLASSES, EXCLUDED, MODEL),
    *(WORKERS, REPEATS, REFITS, ROWS, COMPARED, SECONDS, DAYS),
)
