"""The table of ``docs/export.md``: ``python -m benchmarks.exports MODELS`` reads what exports have recorded.

To make the models first::

    refold run benchmarks/exports.toml
    for name in baseline lenet vgg resnet densenet mobilenet; do
      refold export exports --architecture $name --format all --out MODELS
    done
"""

import json
import sys
from pathlib import Path
from typing import Any

from trainer.formats.catalogue import FORMATS


def rows(models: list[dict[str, Any]]) -> list[str]:
    """Return a Markdown table: a line a model; of each format size, milliseconds, largest difference."""
    titles = " | ".join(FORMATS)
    lines = [f"| architecture | {titles} |", "| --- " * (len(FORMATS) + 1) + "|"]
    for about in models:
        cells = [_cell(about["formats"].get(name)) for name in FORMATS]
        lines.append(f"| `{about['architecture']}` | {' | '.join(cells)} |")
    return lines


def _cell(form: dict[str, Any] | None) -> str:
    if form is None:
        return ""
    megabytes, milliseconds = form["bytes"] / 1e6, form["ms_per_image"]
    return f"{megabytes:.2f} MB, {milliseconds:.2g} ms, {form['largest_difference']:.0e}"


def main() -> None:
    """Print the table of all models in a folder, in the order of their architectures' names."""
    files = Path(sys.argv[1]).glob("*/model.json")
    models = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    sys.stdout.write("\n".join(rows(sorted(models, key=lambda about: str(about["architecture"])))) + "\n")


if __name__ == "__main__":
    main()
