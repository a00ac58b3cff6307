"""Describes an error in a user's code in one line, with its file and line."""

import traceback


def blame(error: BaseException, folder: str, file: str) -> str:
    """Return ``"my_models.py line 12: NameError: name 'kers' is not defined"``.

    Args:
        error: what the user's code raised.
        folder: the beginning of the names of the user's files.
        file: the file to name if no line of the user's code is in the traceback.
    """
    lines = [
        (frame.filename.removeprefix(f"{folder}/"), frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(f"{folder}/") and "site-packages" not in frame.filename
    ]
    if isinstance(error, SyntaxError) and (error.filename or "").startswith(f"{folder}/"):
        lines.append((str(error.filename).removeprefix(f"{folder}/"), error.lineno))
    place = f"{lines[-1][0]} line {lines[-1][1]}" if lines else file
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    first = (text.strip().splitlines() or [""])[0].strip()[:300]
    kind = "it ends the process" if isinstance(error, SystemExit) else type(error).__name__
    return f"{place}: {kind}: {first}" if first else f"{place}: {kind}"
