"""Whether an error comes from a record that was changed after it was written, not from refold."""

from sweeps.cli.options import Arguments
from sweeps.home import Home
from trainer.errors import RefoldError


def damage(options: Arguments, error: Exception) -> str | None:
    """Return one line if the rows of the recorded sweep that a command is about are not as written.

    Args:
        options: the command's.
        error: what it ended with.

    Returns:
        None if the command is about no recorded sweep, or its rows are as they were written.
    """
    from tracking.ledger.ledger import Ledger

    name = getattr(options, "sweep", None)
    if not isinstance(name, str) or options.action.__name__ in ("run", "doctor"):
        return None
    try:
        home = Home.chosen(options.home).path
        if not (home / "ledger.sqlite").exists():
            return None
        with Ledger.read(home) as ledger:
            changed = ledger.changed_fits(name) or ledger.check_seal(name).differences
    except RefoldError as damaged:
        return str(damaged)
    except Exception:  # noqa: BLE001 - the error that is asked about must be said, whatever is wrong here
        return None
    if not changed:
        return None
    return (
        f"the record of {name!r} was changed after it was written, and cannot be used "
        f"({type(error).__name__}): 'refold verify {name}' names the changes; restore the ledger from a copy"
    )
