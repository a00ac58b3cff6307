"""Finds the text of a class or function that was defined in Python: in a notebook's cell, or in a module.

The text of a class in a module is that module's file, as if a sweep file had named it. Of a cell, the text is
the class with the imports, functions, classes and plain values of the cell that it needs, and nothing else.
"""

import ast
import builtins
import linecache
import symtable
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType

from trainer.errors import UsageError
from trainer.user_code.source import CELL, UserSource

#: The names that every module has without defining them.
_GIVEN = {*dir(builtins), "__name__", "__file__", "__doc__"}


def source_of(thing: type | FunctionType) -> str | UserSource:
    """Return the source of a class or function, as a sweep records it.

    Args:
        thing: a class or function, defined at the top of a module, a script or a notebook's cell.

    Returns:
        ``"file.py:Name"``, with the whole path, if ``thing`` can be imported; otherwise its text.

    Raises:
        UsageError: if its text cannot be found, or needs a name that its cell does not define.
    """
    name = thing.__qualname__
    if not name.isidentifier():
        raise UsageError(f"{name} is defined inside something else: define it at the top of a cell or module")
    module = sys.modules.get(thing.__module__)
    file = getattr(module, "__file__", None)
    if thing.__module__ != "__main__" and file and Path(file).suffix == ".py" and Path(file).is_file():
        return f"{Path(file).resolve()}:{name}"
    text = _Cell.of(thing).text_of(name)
    return UserSource(spec=f"{CELL}:{name}", files=((f"{CELL}.py", text),))


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement at the top of a cell.

    Attributes:
        first: its first line, from 1.
        last: its last line.
        text: the statement alone, without others on the same line.
        plain: whether it assigns a plain value to a name.
        value: that value.
    """

    first: int
    last: int
    text: str
    plain: bool = False
    value: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """A notebook's cell or a script.

    Attributes:
        statements: top-level statements that may become part of the text, by the names that they bind.
        now: the current values of its names.
    """

    statements: dict[str, _Statement]
    now: dict[str, object]

    @classmethod
    def of(cls, thing: type | FunctionType) -> "_Cell":
        """Return the cell that a class or function was defined in.

        Raises:
            UsageError: if its text is gone.
        """
        name = thing.__qualname__
        for function in _functions(thing):
            code: CodeType = function.__code__
            lines = linecache.getlines(code.co_filename, function.__globals__)
            try:
                found = dict(_statements("".join(lines)))
            except SyntaxError:
                continue
            place = found.get(name)
            if place and place.first <= code.co_firstlineno <= place.last:
                return cls(statements=found, now=function.__globals__)
        raise UsageError(
            f"the text of {name} cannot be found (a notebook and IPython keep it, plain Python's prompt and "
            f'exec do not): write it to a file, and give source = "file.py:{name}"'
        )

    def text_of(self, name: str) -> str:
        """Return the text of ``name`` with the statements that it needs, in the order of the cell.

        Raises:
            UsageError: if it needs a name that the cell does not define; the message says which.
        """
        taken: dict[str, _Statement] = {}
        missing: list[str] = []
        waiting = [name]
        while waiting:
            wanted = waiting.pop()
            if wanted in taken or wanted in missing:
                continue
            if (statement := self.statements.get(wanted)) is None:
                missing.append(wanted)
                continue
            taken[wanted] = statement
            self._check_unchanged(wanted, statement)
            waiting += _names_needed(statement.text)
        if missing:
            needs = ", ".join(repr(each) for each in sorted(missing))
            raise UsageError(
                f"{name} needs {needs}, and its own cell has no import, function, class or plain value of "
                "that name: put it into the same cell, or import inside 'build'"
            )
        texts = {each.text: each.first for each in taken.values()}
        return "\n".join(sorted(texts, key=lambda text: texts[text]))

    def _check_unchanged(self, name: str, statement: _Statement) -> None:
        """Refuse a plain value that another cell has changed since: the text would have the old value."""
        if statement.plain and self.now.get(name) != statement.value:
            raise UsageError(
                f"{name} is {statement.value!r} in the cell that is trained, and {self.now.get(name)!r} now: "
                "run that cell again"
            )


def _functions(thing: type | FunctionType) -> Iterator[FunctionType]:
    """Yield the functions whose code tells where ``thing`` was defined."""
    if isinstance(thing, FunctionType):
        yield thing
        return
    for value in vars(thing).values():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if isinstance(function, FunctionType) and function.__qualname__.startswith(f"{thing.__qualname__}."):
            yield function


def _statements(cell: str) -> Iterator[tuple[str, _Statement]]:
    """Yield the names that a cell binds at its top level, each with its statement.

    Only imports, functions, classes and plain values count.

    Raises:
        SyntaxError: if the cell is not Python.
    """
    lines = cell.splitlines(keepends=True)
    for node in ast.parse(cell).body:
        last = node.end_lineno or node.lineno
        alone = f"{ast.get_source_segment(cell, node)}\n"
        match node:
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    yield name, _Statement(node.lineno, last, alone)
            case ast.FunctionDef() | ast.ClassDef():
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                yield node.name, _Statement(first, last, "".join(lines[first - 1 : last]))
            case ast.Assign() | ast.AnnAssign():
                for name, value in _plain_values(node):
                    yield name, _Statement(node.lineno, last, alone, plain=True, value=value)


def _plain_values(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[str, object]]:
    if node.value is None:
        return
    try:
        value = ast.literal_eval(node.value)
    except ValueError:
        return
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        if isinstance(target, ast.Name):
            yield target.id, value


def _names_needed(text: str) -> set[str]:
    """Return the global names that a text uses."""
    top = symtable.symtable(text, "cell", "exec")
    own = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    needed = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    tables = list(top.get_children())
    while tables:
        table = tables.pop()
        tables += table.get_children()
        needed |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    return needed - own - _GIVEN
