"""Executes a notebook's cells as IPython does, without IPython: ``-m tests.notebook FILE [SKIPPED TAG]``.

All in one namespace, the text of each cell kept where ``inspect`` looks for it. Prints a line of JSON for
each cell that ends in an expression: its id, what it shows, and in which forms a notebook could show it.
"""

import ast
import json
import linecache
import sys
from pathlib import Path
from typing import Any


def code_cells(path: Path) -> list[dict[str, Any]]:
    """Return a notebook's cells of code."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run_cell(cell: dict[str, Any], names: dict[str, Any]) -> Any:
    """Run a cell; return what its last line is worth, None if that is no expression."""
    text, name = "".join(cell["source"]), f"<cell {cell['id']}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    tree = ast.parse(text, name)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)  # noqa: S102 - what a notebook does
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), name, "eval"), names)  # noqa: S307


def main() -> None:
    """Run the notebook in this process's main module, as a kernel does."""
    path, skipped = Path(sys.argv[1]), sys.argv[2:]
    names = sys.modules["__main__"].__dict__
    del names["__file__"]  # a kernel's has none
    for cell in code_cells(path):
        if set(skipped) & set(cell["metadata"].get("tags", ())):
            continue
        worth = run_cell(cell, names)
        if worth is not None:
            forms = [form for form in ("html", "png") if hasattr(worth, f"_repr_{form}_")]
            sys.stdout.write(json.dumps({"id": cell["id"], "text": repr(worth), "forms": forms}) + "\n")


if __name__ == "__main__":
    main()
