"""The Dockerfile's install steps, run in a clean virtual environment as the build would run them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def stage(name: str) -> list[tuple[str, str]]:
    """Return the (instruction, arguments) of a build stage."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    _, _, body = text.partition(f" AS {name}\n")
    lines = [line for line in body.partition("\nFROM ")[0].splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def allowed() -> set[str]:
    """Return what .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    return {line[1:] for line in lines if line.startswith("!")}


def copied() -> list[tuple[list[str], str]]:
    """Return what the build copies: sources and where they go."""
    words = [arguments.split() for instruction, arguments in stage("build") if instruction == "COPY"]
    return [(line[:-1], line[-1]) for line in words]


def test_it_copies_what_there_is_and_no_more_than_it_may() -> None:
    """All packages of refold are among it."""
    sources = {source for line, _ in copied() for source in line}
    assert sources == allowed()
    assert all((ROOT / source).exists() for source in sources)
    found = (ROOT / "pyproject.toml").read_text()
    packages = re.findall(
        r'"(\w+)\*"', found.partition("[tool.setuptools.packages.find]")[2].partition("]")[0]
    )
    assert set(packages) <= sources


def test_the_image_is_slim_pinned_and_not_root() -> None:
    """The last stage has no compiler's leftovers: it takes over the virtual environment alone."""
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^ARG PYTHON=\d+\.\d+\.\d+-slim-\w+$", text, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"python:${PYTHON}", "build", "base"}
    assert ("USER", "refold") in stage("base")
    assert stage("refold") == [("COPY", "--from=build /opt/refold /opt/refold")]


@pytest.mark.slow
@pytest.mark.timeout(1800)  # installs everything anew, which takes minutes on a busy machine
def test_its_install_steps_give_a_refold_that_runs(tmp_path: Path) -> None:
    """In a copy that has only what is copied, with a virtual environment in the place of /opt."""
    source, prefix = tmp_path / "source", tmp_path / "opt"
    for sources, target in copied():
        for name in sources:
            place = source / target
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, place)
    clean = {name: text for name, text in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    steps = [arguments for instruction, arguments in stage("build") if instruction == "RUN"]
    assert len(steps) == 2
    for step in steps:
        done = subprocess.run(
            ["sh", "-euc", step.replace("/opt/refold", str(prefix))],
            cwd=source,
            env=clean,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    for command in (
        ["refold", "--version"],
        ["mlflow", "--version"],
        ["python", "-c", "import psycopg2, boto3, flask_wtf, tensorflow, sweeps; print(sweeps.__file__)"],
    ):
        done = subprocess.run(
            [str(prefix / "bin" / command[0]), *command[1:]],
            cwd=tmp_path,
            env=clean,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert str(prefix) in done.stdout
