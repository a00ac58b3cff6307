"""Names that take something over where they are shown as they are, and records that have them.

The rule for names refuses most of them, so records with them are made directly, as older versions of refold
or other people may have written them.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from sweeps.definition.plan import PlannedArchitecture
from sweeps.definition.prepare import Prepared
from tests.closed_formula import plan, prepared
from tests.made_up_records import make_sweep
from tracking.records import SweepRecord
from trainer.datasets import DatasetSource, Loaded
from trainer.datasets.arrays import PREFIX
from trainer.fits.results import FitResult
from trainer.hyperparameters import SHARED_SPACE, Fixed
from trainer.runtime.environment import environment
from trainer.user_code import UserSource

HOSTILE = (
    *("../../../x", "..", "/etc/passwd", "C:\\x", "-rf", "$(reboot)", "a; reboot #"),
    *(
        "[/red]",
        "[bold]x",
        ":smile:",
        "a\nb",
        "a\r\n| b |",
        "a\x1b[2J\x1b[31mb",
        "a\x9b31mb",
        "a\x00b",
        "a\x7fb",
    ),
    *(
        "a\u202eb",
        "a\u2066b\u2069",
        "a\u200bb",
        "a\u200db",
        "a\ufeffb",
        "a\U000e0041b",
        "a\u2028b",
        "cafe\u0301",
    ),
    *(
        "<script>alert(1)</script>",
        "\"><img src=x onerror='alert(1)'>",
        "</title><b>",
        "&lt;b&gt; &#60;b&#62;",
    ),
    *(
        "[x](javascript:alert(1))",
        "![x](http://evil.example/x)",
        "http://evil.example",
        "<http://evil.example>",
    ),
    *("www.evil.example", "a|b", "`a` ```", "# a\n# b", "- a", "1. a", "> a", "**a** _b_ ~~c~~"),
    *("{run id} {file}", "$\\frac{$", "'; DROP TABLE sweeps; --", "", "x" * 300),
)

#: What no terminal gets, whatever the name: by Unicode's categories. A line's own end is not part of it.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

#: What stands within the lines of a Markdown text of refold's.
_PLAIN = frozenset({"text", "code_inline", "strong_open", "strong_close", "softbreak", "image"})

#: Each a few of them in one, so that a sweep of a few architectures has them all.
ARCHITECTURES = tuple("".join(HOSTILE[start::4]) for start in range(4))


def renamed(text: str) -> SweepRecord:
    """Return a record of two architectures in which everything that has a name has this one."""
    record = make_sweep({(name, n): ("complete", 3) for n in (0, 1) for name in ("baseline", "resnet")})
    names = {"baseline": text, "resnet": f"{text}2"}
    trials = [
        replace(
            trial,
            architecture=names[trial.architecture],
            hyperparameters={**trial.hyperparameters, text: text, "n": trial.number},
        )
        for trial in record.trials
    ]
    fold = trials[-1].folds[-1]
    failed = FitResult(key=fold.spec.key, state="failed", reason=text)
    last = replace(fold, run=replace(fold.run, result=failed))
    trials[-1] = replace(trials[-1], state="failed", folds=(*trials[-1].folds[:-1], last))
    return replace(
        record,
        name=text,
        key=text,
        trials=tuple(trials),
        architectures=tuple(names.values()),
        dataset=replace(
            record.dataset, name=text, classes=tuple(f"{text}{number or ''}" for number in range(10))
        ),
        git_commit=text,
    )


def hostile_sweep() -> Prepared:
    """Return a sweep that is ready to run whose own name and all names in it are hostile."""
    made = plan(architectures=1, trials=2, folds=2)
    architectures = []
    for number, name in enumerate(ARCHITECTURES):
        source = UserSource(spec="notebook:Net", files=(("notebook.py", f"class Net: {number}"),))
        space = {**SHARED_SPACE, "note": Fixed(name), "dropout": Fixed(0.1)}
        planned = PlannedArchitecture(name=name, digest=source.digest, space=space, source=source)
        architectures.append(planned)
    ready = prepared(replace(made, architectures=tuple(architectures)))
    # What a record may have in a name: a terminal's commands, HTML, Markdown; not what ends an argument.
    name = "".join(text for text in HOSTILE if "\x00" not in text)
    object.__setattr__(ready.spec, "name", name)  # past the rule for names
    dataset = replace(ready.dataset, name=name, classes=(name, f"{name}2"))
    made = replace(ready.plan, dataset=dataset.fingerprint)
    object.__setattr__(ready.spec, "dataset", DatasetSource(source=f"{PREFIX}{dataset.fingerprint}"))
    here = environment()
    made = replace(made, platform=here.platform)
    return replace(ready, loaded=Loaded(search=dataset), plan=made, environment=here, text='name = "x"\n')


def assert_seen(text: str) -> None:
    """Assert that a terminal gets nothing but visible characters and line ends."""
    odd = {hex(ord(c)) for c in text if unicodedata.category(c) in UNSEEN and c != "\n"}
    assert not odd, f"{odd} in {text!r}"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


def tags(html: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the elements of a page in order, each with the names of its attributes."""
    parser = _Tags()
    parser.feed(html)
    parser.close()
    return parser.found


def blocks(text: str) -> list[str]:
    """Return the structure of a Markdown text; assert that no name in it became markup, HTML or a link."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    for token in _inline(tokens):
        assert token.type in {"text", "code_inline", "strong_open", "strong_close", "softbreak", "image"}, (
            token
        )
        if token.type == "image":
            assert str(token.attrs["src"]).startswith("get-artifact?path="), token
    assert not any(token.type.startswith("html") for token in tokens), text
    plain = "\n".join(token.content for token in tokens if token.type == "inline")
    for address in ("://evil", "www.evil"):  # renderers make links of bare addresses, except in code
        assert address not in _without_code(plain), text
    return [token.type for token in tokens]


def _inline(tokens: Any) -> Iterator[Any]:
    for token in tokens:
        yield from token.children or ()


def _without_code(text: str) -> str:
    tokens = MarkdownIt("commonmark").parseInline(text)
    kept = text
    for token in _inline(tokens):
        if token.type == "code_inline":
            kept = kept.replace(token.content, "")
    return kept


def image_files(folder: Path) -> Iterator[Path]:
    """Yield a file path for each hostile name that a file may have."""
    for text in HOSTILE:
        if text and "/" not in text and "\x00" not in text and text != ".." and len(text) < 200:
            yield folder / text
