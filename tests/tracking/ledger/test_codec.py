"""A finished fit as it is stored: what earlier versions wrote is read, and written the same again."""

import json
from dataclasses import replace

import pytest

from tests.closed_formula import plan, run_of
from tracking.ledger.codec import decode_run, encode_run
from trainer.canonical import canonical_json
from trainer.fits.environment import Environment
from trainer.fits.results import FitResult, FitRun, StopCause

#: An environment as refold 0.1 recorded it before it was typed.
RECORDED = (
    '{"cpu":{"cpu family":"25","model":"17","model name":"AMD EPYC","vectors":"avx avx2 fma sse","vendor_id":'
    '"AuthenticAMD"},"device":"cpu","packages":{"keras":"3.15.1","numpy":"2.4.6","optuna":"5.0.0",'
    '"scikit-learn":"1.9.1","tensorflow":"2.21.0"},"python":"3.11.7","switches":{"epsilon":1e-07,"gpus":0,'
    '"onednn":true},"system":"Linux x86_64","variables":{"PYTHONHASHSEED":"0"}}'
)


def failed(reason: str, stopped_for: StopCause | None = None) -> FitRun:
    """Return a run that failed for a reason."""
    run = run_of(plan().fit_specs(plan().architectures[0], 0, {"learning_rate": 1e-3, "batch_size": 32})[0])
    return replace(
        run, result=FitResult(key=run.result.key, state="failed", reason=reason), stopped_for=stopped_for
    )


def of_refold_0_1(run: FitRun) -> tuple[str, bytes, bytes]:
    """Return the row as refold 0.1 wrote it: it knew a circumstance by the words of the reason."""
    text, predictions, confidences = encode_run(run)
    data = json.loads(text)
    del data["stopped_for"]
    return canonical_json(data), predictions, confidences


def test_an_environment_is_written_as_it_was_recorded() -> None:
    """The text is part of each row's checksum, and what it says decides whether a sweep may go on."""
    environment = Environment.from_json(json.loads(RECORDED))
    assert canonical_json(environment.to_json()) == RECORDED
    assert environment.switches["onednn"] is True
    assert dict(environment.platform) == {
        "keras": "3.15.1", "numpy": "2.4.6", "optuna": "5.0.0", "scikit-learn": "1.9.1",
        "tensorflow": "2.21.0", "processor": "25 17 AMD EPYC avx avx2 fma sse AuthenticAMD",
    }  # fmt: skip


def test_what_a_newer_version_says_of_an_environment_stays() -> None:
    """An entry that this version does not know is kept, not refused."""
    newer = json.loads(RECORDED) | {"firmware": "7"}
    assert Environment.from_json(newer).to_json() == newer


@pytest.mark.parametrize("cause", [None, *StopCause])
def test_what_a_fit_lacked_is_recorded(cause: StopCause | None) -> None:
    """Whatever its reason says in words."""
    run = failed("was stopped after noon: the user's own code says so", cause)
    assert decode_run(*encode_run(run)) == run


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("ran out of memory 3 times (it held up to 2.0 GiB): use fewer workers", StopCause.MEMORY),
        ("was stopped after 5 min (limits.fit_minutes): raise the limit", StopCause.TIME),
        ("training diverged: the loss is not a number", None),
    ],
)
def test_what_a_fit_of_an_earlier_version_lacked_follows_from_its_reason(
    reason: str, cause: StopCause | None
) -> None:
    """Its rows have no other sign of it, and verify must go on leaving such fits out."""
    assert decode_run(*of_refold_0_1(failed(reason))).stopped_for is cause


def test_rows_of_fits_that_did_not_fail_have_nothing_new() -> None:
    """Their text, and so the checksum, is what refold 0.1 would have written."""
    complete = run_of(plan().fit_specs(plan().architectures[0], 0, {"learning_rate": 1e-3})[0])
    assert json.loads(encode_run(complete)[0]).keys() == {"result", "timing", "environment"}
