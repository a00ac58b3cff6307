"""The command line: ``refold VERB``. Gathers the verbs, and turns errors into one line and an exit code.

Exit codes: 0 done; 1 the answer is no; 2 wrong input; 130 interrupted.
"""

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from sweeps.cli import (
    analysis,
    augment,
    cluster,
    doctor,
    export,
    inspect,
    mlflow,
    new,
    record,
    run,
    score,
    verify,
)
from sweeps.cli.damage import damage
from sweeps.cli.options import Arguments, Parser, Verbs
from sweeps.cli.output import say
from tracking.mlflow import recorder
from trainer.errors import RefoldError, UsageError
from trainer.escaping import for_terminal
from trainer.runtime import interruption

#: Verbs that record each fit as it ends: the same command again continues the work.
GO_ON = ("run", "compare", "variance")

#: Characters of the longest error that is shown whole: users' own texts may be in it.
LONGEST_LINE = 900


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    # Imported modules are never garbage: with Python's own thresholds, looking through them took a sixth of
    # the coordinator's time in a short sweep.
    gc.set_threshold(50_000, 10, 10)
    options = grammar().parse(sys.argv[1:] if arguments is None else arguments)
    try:
        with interruption.orderly():
            code = options.action(options)
            sys.stdout.flush()
    except BrokenPipeError:  # 'refold show ... | head'
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last place to catch an error
        code = _ended(error, options)
    _exit(code)


def _ended(error: BaseException, options: Arguments) -> int:
    """Say in one line why a command ended, and return its exit code."""
    # An interrupt in the middle of an import may arrive here as an ImportError.
    if isinstance(error, KeyboardInterrupt) or interruption.received():
        more = "; finished fits are recorded, run the same command again to go on"
        say("")  # after the terminal's ^C
        say(f"interrupted{more if options.action.__name__ in GO_ON else ''}")
        return interruption.EXIT_CODE
    if isinstance(error, RefoldError):
        _say_error(str(error), debug=options.debug)
        return error.exit_code
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        path = f"{error.filename!r}: {error.strerror}"
        _say_error(f"{path}; check that path, its permissions and its disk", debug=options.debug)
        return UsageError.exit_code
    if isinstance(error, Exception) and (damaged := damage(options, error)):
        _say_error(damaged, debug=options.debug)
        return UsageError.exit_code
    what = f"{type(error).__name__}: {error} (an error in refold; --debug shows where)"
    _say_error(what, debug=options.debug)
    return 1


def _say_error(text: str, *, debug: bool) -> None:
    """Print an error as one line, even if a library's message has several."""
    if debug:
        for trace in traceback.format_exc().splitlines():
            sys.stderr.write(f"{for_terminal(trace)}\n")
    line = " ".join(text.split())
    if len(line) > LONGEST_LINE:  # what is wrong comes first, what to do last
        line = f"{line[: LONGEST_LINE // 2]} … {line[-LONGEST_LINE // 3 :]}"
    say(f"refold: {line}")


def _exit(code: int) -> NoReturn:
    """Exit, even while a thread imports MLflow or waits for a server that does not answer.

    Python's own exit would stop that thread anywhere; in the middle of C++ code that aborts the process.
    After an interrupt Python may exit with another code, and Dask's threads may keep it for seconds.
    """
    if code == interruption.EXIT_CODE or recorder.left_behind():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def grammar() -> Verbs:
    """Return the command line's grammar."""
    top = Parser(
        prog="refold",
        description="Hyperparameter sweeps over CNN architectures that repeat bit for bit.",
        epilog="""Begin with: echo 'name = "digits"' > sweep.toml && refold run sweep.toml --dry-run. """
        "Exit codes: 0 done; 1 the answer is no; 2 wrong input; 130 interrupted.",
    )
    top.add_argument("--version", action="version", version=f"refold {version('refold')}")
    verbs = Verbs(top)
    for module in (
        new,
        inspect,
        augment,
        run,
        record,
        score,
        verify,
        analysis,
        export,
        mlflow,
        cluster,
        doctor,
    ):
        module.add_verbs(verbs)
    return verbs
