"""Checks of kind race: the only door between proof and the race harness.

Each run is a child process (``python -m planproof.proof.checks.race JOB``), so that a workload that hangs,
dies or forks takes nothing with it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from planproof.proof.layout import reference_file, source_roots
from planproof.proof.model import ControlOutcome, ControlResult, Outcome, Result

from . import process


if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from planproof.proof.model import Check

    from .base import Context


OUTCOMES: Final = {
    "passed": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "inconclusive": Outcome.UNDECIDED,
    "unavailable": Outcome.UNAVAILABLE,
    "missing": Outcome.NOTHING,
}


class RaceRunner:
    """Runs workloads, each on its backend, with its broken variants and its placebo."""

    def run(self, checks: Sequence[Check], context: Context) -> Iterator[Result]:
        """Run one workload after another; races want the machine to themselves."""
        for check in checks:
            yield self._one(check, context)
            context.progress(f"race {check.target} on {check.backend}")

    def _one(self, check: Check, context: Context) -> Result:
        started = time.monotonic()
        answer = run_workload(check, str(check.params["workload"]), context, keep=True)
        seconds = time.monotonic() - started
        outcome = OUTCOMES[answer["outcome"]]
        controls: tuple[ControlResult, ...] = ()
        if outcome is Outcome.PASSED and check.controls is not None:
            controls = tuple(_controls(check, context))
        return Result(
            check,
            outcome,
            str(answer.get("reason", "")),
            round(seconds, 6),
            controls=controls,
            roots=tuple(one for one in [reference_file(str(check.params["workload"]), context.root)] if one),
            certificate=answer.get("certificate") or {},
        )


def _controls(check: Check, context: Context) -> Iterator[ControlResult]:
    """Placebo first: where it fails, the variants say nothing."""
    assert check.controls is not None
    placebo = check.controls.placebo or str(check.params["workload"])
    yield _control("placebo", placebo, check, context)
    for variant in check.controls.variants:
        yield _control(variant.name, variant.replacement, check, context)


def _control(name: str, workload: str, check: Check, context: Context) -> ControlResult:
    started = time.monotonic()
    answer = run_workload(check, workload, context)
    outcome, is_placebo = answer["outcome"], name == "placebo"
    verdicts = {
        "passed": ControlOutcome.PASSED if is_placebo else ControlOutcome.SURVIVED,
        "failed": ControlOutcome.FAILED if is_placebo else ControlOutcome.KILLED,
    }
    verdict = verdicts.get(outcome, ControlOutcome.UNDECIDED)
    return ControlResult(name, verdict, str(answer.get("reason", "")), round(time.monotonic() - started, 3))


def run_workload(check: Check, workload: str, context: Context, *, keep: bool = False) -> dict[str, Any]:
    """Run one workload on the check's backend; ``keep`` its failing run for replay."""
    job = {
        "workload": workload,
        "backend": check.backend,
        "options": {key: check.params[key] for key in ("schedules", "seed", "mode") if key in check.params},
        "root": str(context.root),
        "keep": keep,
    }
    if context.race is not None:
        try:
            return _answer(context.race, job)
        except LookupError as error:
            return {"outcome": "missing", "reason": str(error)}
    with tempfile.TemporaryDirectory(dir=context.scratch) as folder:
        place, out = Path(folder) / "job.json", Path(folder) / "answer.json"
        place.write_text(json.dumps({**job, "answer": str(out)}), encoding="utf-8")
        from .pytest_run import environment

        env = environment(context, Path(folder), None)
        argv = [context.python, "-m", "planproof.proof.checks.race", str(place)]
        ended = process.run(argv, cwd=context.root, env=env, timeout=check.timeout or context.timeout)
        if out.exists():
            answer: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
            return answer
    said = ended.stopped or f"ended with exit code {ended.code}: {process.last_lines(ended.output, 2)}"
    return {"outcome": "inconclusive", "reason": f"the run {said}"}


def _answer(run: Any, job: dict[str, Any], backend: Any = None) -> dict[str, Any]:
    """Call a race runner and put its result into plain words."""
    result = run(job["workload"], backend=backend or job["backend"], **job["options"])
    certificate = dict(result.certificate or {})
    reason = "" if result.outcome == "passed" else _reason(result, certificate)
    return {"outcome": str(result.outcome), "reason": reason, "certificate": certificate}


def _reason(result: Any, certificate: dict[str, Any]) -> str:
    failure = getattr(result, "failure", None)
    if failure is not None:
        text = str(getattr(failure, "reason", "") or failure)
        said = next((line.strip() for line in text.splitlines() if line.strip()), "failed")[:300]
        replay = getattr(failure, "replay_command", "")
        return f"{said}; {replay}" if replay else said
    return str(certificate.get("reason") or "inconclusive: the run showed too little overlap")[:300]


def load(reference: str, root: Path) -> Any:
    """The workload class of a reference: ``module:Class`` or ``path/to/file.py:Class``.

    Raises:
        LookupError: there is no such file or class; the message says which.
    """
    import importlib
    import importlib.util

    place, _, name = reference.partition(":")
    if place.endswith(".py"):
        path = root / place
        if not path.is_file():
            raise LookupError(f"{place} does not exist")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    else:
        try:
            module = importlib.import_module(place)
        except ModuleNotFoundError as error:
            raise LookupError(f"module {error.name} does not exist") from None
    if not hasattr(module, name):
        raise LookupError(f"{place} has no {name}")
    return getattr(module, name)


def child(place: str) -> int:
    """Run one job and write its answer; errors of the workload are an answer too."""
    job = json.loads(Path(place).read_text(encoding="utf-8"))
    root = Path(job["root"])
    sys.path[:0] = [str(one) for one in source_roots(root)]
    try:
        answer = _run_here(job, root)
    except LookupError as error:
        answer = {"outcome": "missing", "reason": str(error)}
    part = Path(job["answer"] + ".part")
    part.write_text(json.dumps(answer, default=str), encoding="utf-8")
    part.replace(job["answer"])
    return 0


def _run_here(job: dict[str, Any], root: Path) -> dict[str, Any]:
    from planproof import backends, race
    from planproof.backends.model import BackendKind
    from planproof.errors import BackendUnavailableError, PlanproofError

    workload = load(job["workload"], root)
    acquire: Any = backends.acquire  # type: ignore[attr-defined, unused-ignore]
    run: Any = race.run  # type: ignore[attr-defined, unused-ignore]
    try:
        with acquire(BackendKind(job["backend"]), env=os.environ) as backend:
            folder = root / ".planproof" / "races" if job.get("keep") else None
            answer = _answer(lambda _name, **options: run(workload, folder=folder, **options), job, backend)
            answer["certificate"].setdefault("backend", _described(backend))
            return answer
    except BackendUnavailableError as error:
        return {
            "outcome": "unavailable",
            "reason": f"needs {job['backend']}: {error.message.splitlines()[0]}",
        }
    except PlanproofError as error:
        return {"outcome": "inconclusive", "reason": error.message}


def _described(backend: Any) -> dict[str, Any]:
    return {"kind": str(backend.kind), "version": backend.version, "emulated": backend.emulated}


if __name__ == "__main__":
    sys.exit(child(sys.argv[1]))
