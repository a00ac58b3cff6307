"""``refold augment``: a sheet of augmented images."""

from dataclasses import asdict
from pathlib import Path

from sweeps.cli.image_progress import ImageProgress
from sweeps.cli.options import Arguments, Verbs, json_option, up_to
from sweeps.cli.output import check_writable, print_json, put
from trainer.errors import UsageError
from trainer.limits import SEED


def add_verbs(verbs: Verbs) -> None:
    """Add ``augment``."""
    added = verbs.add(augment, "augment sweep.toml --out sheet.png")
    added.add_argument("what", metavar="SWEEP", help="a sweep file, or the name of a recorded sweep")
    added.add_argument("--architecture", help="take this one (default: the first that is augmented)")
    added.add_argument(
        "--trial",
        metavar="ARCHITECTURE/NUMBER",
        help="take this trial of a recorded sweep (default: the best that is augmented)",
    )
    added.add_argument(
        "--out", type=Path, metavar="FILE", help="the picture (default: SWEEP-augmentation.png, here)"
    )
    added.add_argument("--seed", type=up_to(SEED), help="draw other random numbers than training")
    json_option(added)


def augment(options: Arguments) -> int:
    """Draw a sheet of augmented images: what the network sees in each epoch."""
    from sweeps.api.augmentation import sheet
    from tracking.reports.drawing import png

    named = Path(options.what).stem if options.what.endswith(".toml") else options.what
    out: Path = options.out or Path(f"{named}-augmentation.png")
    check_writable("--out", out)
    if out.suffix.lower() != ".png":
        raise UsageError(f"--out {out}: the sheet is a picture; name a file that ends with .png")
    found = sheet(
        options.what,
        options.home,
        architecture=options.architecture,
        trial=options.trial,
        seed=options.seed,
        progress=ImageProgress().reading,
    )
    try:
        out.write_bytes(png(found.figure()))
    except OSError as error:
        raise UsageError(f"{out}: cannot be written ({error.strerror})") from None
    if options.json:
        print_json({"sheet": str(out), "name": found.name, "strengths": asdict(found.strengths)})
    else:
        put(f"{found.name}: {found.what}", found.strengths.said, f"the sheet is in {out}")
    return 0
