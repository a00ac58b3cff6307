"""Hostile sweep files, arguments, addresses and variables: each with what its one line must say."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Typed:
    """A command line that must be refused.

    Attributes:
        words: after ``refold``; ``sweep.toml`` is there and good.
        said: what the line must have.
        variables: environment variables.
    """

    words: tuple[str, ...]
    said: str
    variables: Mapping[str, str] = field(default_factory=dict)


def typed(words: str, said: str, **variables: str) -> Typed:
    """Return a command line whose words have no spaces in them."""
    return Typed(tuple(words.split(" ")), said, variables)


LONG = "a" * 5_000
MANY = "9" * 5_000

#: Whole sweep files.
WHOLE_FILES: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "name is missing"),
    "not UTF-8": (b"name = '\xff'", "cannot be read"),
    "null characters": (b"\x00\x00\x00", "not valid TOML"),
    "UTF-16": ("name = 'x'".encode("utf-16"), "cannot be read"),
    "a megabyte": ("# " + "x" * 1_000_000, "more than 1,000,000 bytes"),
    "lists in lists": ("x = " + "[" * 5_000, "nested 32 levels deep"),
    "tables in tables": ("x = " + "{a = " * 5_000, "nested 32 levels deep"),
    "a key of many parts": (".".join("a" * 200_000) + " = 1", "nested 32 levels deep"),
    "a header of many parts": (f"[{'.'.join('a' * 200_000)}]", "nested 32 levels deep"),
    "quotes that do not end": ('"' * 99_999, "not valid TOML"),
    "a key twice": ("name = 'x'\nname = 'y'", "not valid TOML"),
    "a table twice": ("[cv]\n[cv]", "not valid TOML"),
    "no name but a list": ("name = ['x']", "name"),
    "no name but a table": ("[name]\nx = 1", "name"),
    "no name but blanks": ("name = ' '", "name"),
    "name of a path": ("name = '../x'", "name"),
    "name of a null character": ('name = "x\\u0000y"', "name"),
    "name of an escape code": ('name = "\\u001b[31mx"', "name"),
    "name too long": (f"name = '{LONG[:300]}'", "name"),
    "text too long": (f"name = '{LONG}'", "name is a text of 5,000 characters: at most 4,096"),
    "key too long": (f"{LONG} = 1", "is a key of 5,000 characters: at most 100"),
}

#: What follows the line ``name = "x"``.
LINES: dict[str, str] = {
    f"trials = {MANY}": "thousands of digits",
    f"trials = 0x{'f' * 5_000}": "trials is too large: whole numbers go up to",
    f"trials = {10**22}": "trials is too large: whole numbers go up to",
    "trials = 9223372036854775807": "trials = 9223372036854775807: must be at most 100,000",
    "trials = 100001": "trials = 100001: must be at most 100,000",
    "trials = 1e20": "trials = 1e+20: must be a whole number",
    "trials = inf": "trials = inf: must be a whole number",
    "trials = -1": "trials = -1: must be at least 1",
    "trials = [1]": "trials = [1]: must be a whole number",
    "trials = 1979-05-27": "trials = 1979-05-27: must be a whole number",
    "seed = 2147483648": "seed = 2147483648: must be at most 2,147,483,647",
    "seed = -9223372036854775807": "must be at least 0",
    "seed = '1'": "must be a whole number",
    "unknown = 1": "unknown key unknown",
    "cv = []": "cv = []: must be a table",
    "cv.folds = 1001": "cv.folds = 1001: must be at most 1,000",
    "cv.folds = 3": "fewer than the 3 folds",
    "cv.epochs = 1e20": "cv.epochs = 1e+20: must be a whole number",
    "cv.epochs = 100000000000": "must be at most 100,000",
    "cv.patience = 100001": "cv.patience = 100001: must be at most 100,000",
    "cv.min_delta = nan": "cv.min_delta = nan: must lie in 0 to 0.999",
    "cv.stop_share = inf": "cv.stop_share = inf: must lie in 0.01 to 0.5",
    "search.window = 501": "search.window = 501: must be at most 500",
    "search.startup = 100001": "search.startup = 100001: must be at most 100,000",
    "prune.margin = nan": "prune.margin = nan: must lie in 0 to 1",
    "prune.keep = -inf": "must lie above 0 and be at most 1",
    "prune.startup = 1000000000": "must be at most 100,000",
    f"prune.rungs = [{'1,' * 1_001}]": "prune.rungs is a list of 1,001 entries: at most 1,000",
    "prune.rungs = [[1]]": "must be a whole number",
    "prune.rungs = [1000000000]": "must be at most 100,000",
    "limits.fit_minutes = 1e300": "at most 43,200",
    "limits.fit_minutes = nan": "at most 43,200",
    "device = 'tpu'": "must be 'cpu' or 'gpu'",
    "mlflow.experiment = '../x'": "mlflow.experiment",
    "dataset = '\\u0000'": "dataset",
    'dataset = "a\\u0000b.npz"': "a",
    "dataset = '/dev/null'": "there is no such folder or file",
    "dataset = '/proc/self/mem'": "is none of these: a folder of class folders, a .csv",
    f"dataset = '{LONG[:4000]}'": "unknown dataset",
    "dataset = '/proc'": "/proc",
    "dataset.source = 'digits'\ndataset.samples = 10000001": "dataset.samples = 10000001: must be at most",
    "dataset.source = 'digits'\ndataset.samples = 1798": "samples = 1798",
    "dataset.source = 'x'\ndataset.image_size = [8, 4097]": "must be at most 4,096",
    "dataset.source = 'x'\ndataset.image_size = [8, 8, 8]": "must be [height, width]",
    "[architectures.vgg]\nbatch_size = 1000000000": "must be at most 65,536",
    "[architectures.vgg]\nbatch_size = 1e30": "a number is at most 1,000,000,000,000,000",
    "[architectures.vgg]\nbatch_size = 0": "0 must be above 0",
    "[architectures.vgg]\nfilters = 5000": "5000 must be at most 4,096",
    "[architectures.vgg]\nfilters = {low = 1, high = 999999}": "must be at most 4,096",
    "[architectures.vgg]\nblocks = 65": "65 must be at most 64",
    "[architectures.vgg]\ndense_units = {choices = [16, 100000]}": "must be at most 65,536",
    "[architectures.densenet]\nlayers = 1000": "must be at most 64",
    "[architectures.vgg]\nfilters = 9999999999": "a whole number is at most 1,000,000,000",
    "[architectures.vgg]\nlearning_rate = 1e9": "must be at most 1,000",
    "[architectures.vgg]\nlearning_rate = {low = -1e308, high = 1e308}": "a number is at most",
    "[architectures.vgg]\nlearning_rate = {low = 0, high = 1, log = true}": "starts above 0",
    "[architectures.vgg]\nlearning_rate = nan": "neither a range nor a number",
    "[architectures.vgg]\ndropout = 1.0": "must lie in 0 to 1, without 1",
    "[architectures.vgg]\noptimizer = 'adma'": "'adma' is not possible: did you mean 'adam'?",
    f"[architectures.vgg]\noptimizer = {{choices = [{'1,' * 1_001}]}}": "list of 1,001 entries",
    "[architectures.vgg]\nfilters = {low = 1, high = 9, step = 1e9}": "step is a whole number",
    "[architectures.vgg]\nfilters = {low = 1, high = 9, low.x = 2}": "not valid TOML",
    "[architectures.vgg]\nfilters = []": "neither a range nor a number",
    "[architectures]\nvgg = 1": "architectures.vgg must be a table",
    "[[architectures]]\nname = 'vgg'": "must be a table",
    '[architectures."../vgg"]': "the name of an architecture",
    '[architectures."v\\u001bgg"]': "the name of an architecture",
    '[architectures.vgg]\n"" = 1': "architectures.vgg.",
    '[architectures.vgg]\n"\\n" = 1': "architectures.vgg.",
    "[architectures.vgg]\n" + "\n".join(f"x{i} = 1" for i in range(101)): "101 hyperparameters: at most 100",
    "\n".join(f"[architectures.x{i}]\nsource='y.py:Z'" for i in range(101)): "architectures has too many",
}

#: Command lines.
WORDS: tuple[Typed, ...] = (
    Typed((), "the following arguments are required"),
    typed(LONG, "there is no command"),
    typed("\x1b[31m", "there is no command"),
    typed("run", "the following arguments are required: sweep"),
    typed("run none.toml", "no such file"),
    typed("run .", "cannot be read"),
    typed("run /dev/zero", "more than 1,000,000 bytes"),
    typed("run a\0b.toml", "cannot be read"),
    typed(f"run {LONG}", "cannot be read"),
    typed("run sweep.toml sweep.toml", "unknown argument 'sweep.toml'"),
    typed(f"run sweep.toml --{LONG}", "unknown option"),
    typed("run sweep.toml --w=1", "ambiguous option"),
    typed("run sweep.toml --workers 0", "'0' is not a whole number of at least 1"),
    typed("run sweep.toml --workers 1025", "1025 is too large: at most 1,024"),
    typed(f"run sweep.toml --workers {MANY}", "is too large: at most 1,024"),
    typed("run sweep.toml --workers ²", "'²' is not a whole number"),
    typed("run sweep.toml --workers=-1", "'-1' is not a whole number"),
    typed("run sweep.toml --workers 1e3", "'1e3' is not a whole number"),
    typed("run sweep.toml --workers", "expected one argument"),
    typed("run sweep.toml --mixed", "--mixed is for a cluster"),
    typed("run sweep.toml --home a\0b", "is no path of a folder"),
    typed("run sweep.toml --home loop", "is no path of a folder"),
    typed("run sweep.toml --home sweep.toml", "cannot be written"),
    typed("run sweep.toml --home /proc/x", "cannot be written"),
    typed(f"ls --home {LONG}", "(File name too long)"),
    typed("ls --home /dev/null", "no sweep has run in"),
    typed("show x", "no sweep has run in"),
    typed("verify x --fold 1e9", "invalid int value"),
    typed(f"verify x --fold {MANY}", "invalid int value"),
    typed("compare x --repeats 1001", "1001 is too large: at most 1,000"),
    typed("compare x --rope nan", "--rope nan: a difference that does not matter"),
    typed("compare x --claim all", "invalid choice"),
    typed("compare x --html no/where.html", "--html: there is no folder no"),
    typed("variance x --rows 10001", "10001 is too large: at most 10,000"),
    typed("plan", "name a recorded sweep, or give --scores"),
    typed("plan x --scores 0.1 0.2", "one of the two"),
    typed("plan --scores nan 0.5", "scores must lie in 0 to 1"),
    typed("plan --scores 1e999 0.5", "scores must lie in 0 to 1"),
    typed("plan --scores 0.5", "give at least two"),
    typed("plan --scores x", "invalid float value"),
    typed("plan --scores 0.1 0.2 --architectures 1", "nothing to compare"),
    typed("plan --scores 0.1 0.2 --architectures 1001", "1001 is too large: at most 1,000"),
    typed("export x --how best", "invalid choice"),
    typed("export x --format bmp", "no sweep has run in"),
    typed("predict none photo.png", "there is no model none"),
    typed("predict a\0b photo.png", "a"),
    typed(f"predict {LONG} photo.png", "File name too long"),
    typed(f"export x --out {LONG}", "no sweep has run in"),
    typed(f"compare x --html {LONG}/x", "File name too long"),
    typed("predict \ud7fc \x1b[31m", "there is no model"),
    typed("ui --port 65536", "'65536' is not a port"),
    typed("ui --port -1", "'-1' is not a port"),
    typed(f"ui --port {MANY}", "is not a port"),
    typed("doctor none.toml", "no such file"),
    typed("doctor sweep.toml --workers 5000", "5000 is too large"),
    typed("rm x --yes", "no sweep has run in"),
    typed("study x --storage nonsense", "no sweep has run in"),
    typed("study x", "the following arguments are required: --storage"),
    typed("certificates . --days 36501", "36501 is too large: at most 36,500"),
    typed("certificates sweep.toml", "cannot be written"),
    typed("worker tcp://localhost:1 --cluster-wait 604801", "604801 is too large: at most 604,800"),
    typed("worker tcp://localhost:1 --nworkers 2000", "2000 is too large"),
    typed("scheduler --port 99999", "'99999' is not a port"),
    typed("scheduler --certificates none", "no certificates in"),
)

#: Addresses of MLflow.
_MLFLOW = {
    "nonsense": "is a folder",
    "foo://x": "unknown 'foo'",
    "http://": "names no host",
    "http://[::1": "does not parse",
    "http://host:99999": "does not parse",
    "http://host:port": "does not parse",
    "http://host/a@b": "has an '@' after its host",
    "sqlite://": "names no file",
    "sqlite:///": "names no file",
    "sqlite:///:memory:": "names no file",
    "file:///tmp": "is a folder",
    "javascript://x": "unknown 'javascript'",
    "sqlite:///a\0b": "characters that cannot be seen",
    f"ftp://{LONG}": "unknown 'ftp'",
}
MLFLOW = (
    *(Typed(("run", "sweep.toml", "--tracking-uri", uri), said) for uri, said in _MLFLOW.items()),
    typed("run sweep.toml", "unknown 'foo'", MLFLOW_TRACKING_URI="foo://x"),
    typed("run sweep.toml", "is a folder", MLFLOW_TRACKING_URI="mlruns"),
)

#: Addresses of a cluster's scheduler.
_CLUSTER = {
    "http://x": "is no scheduler's address",
    "tcp://": "is no scheduler's address",
    "tcp://x:99999": "is no scheduler's address",
    "tcp://x:y": "is no scheduler's address",
    "tcp://[::1": "is no scheduler's address",
    "tcp://x/y": "is no scheduler's address",
    "tls://x:1": "needs certificates",
    "a\0b": "is no scheduler's address",
    "none.json": "there is no scheduler file none.json",
    "sweep.toml": "is no scheduler file",
    "deep.json": "is no scheduler file",
    "digits.json": "is no scheduler file",
    "list.json": "is no scheduler file",
    "wrong.json": "is no scheduler's address",
}
CLUSTER = (
    *(Typed(("run", "sweep.toml", "--cluster", address), said) for address, said in _CLUSTER.items()),
    *(Typed(("worker", address), said) for address, said in _CLUSTER.items()),
    typed("run sweep.toml", "is no scheduler's address", REFOLD_CLUSTER="tcp://"),
    typed("run sweep.toml --cluster tls://x:1", "no certificates in", REFOLD_CERTIFICATES="none"),
    typed("run sweep.toml --cluster tcp://x:1 --certificates none", "--certificates is for TLS"),
)

#: Variables of the environment.
VARIABLES = (
    typed("ls", "no sweep has run in", REFOLD_HOME="/dev/null"),
    typed("ls", "is no path of a folder", REFOLD_HOME="loop"),
    typed("run sweep.toml", "cannot be written", REFOLD_HOME="sweep.toml/x"),
    typed("scheduler", "no certificates in", REFOLD_CERTIFICATES="sweep.toml"),
)
