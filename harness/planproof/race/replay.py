"""A failing run as a file: a pytest test that fails by itself.

And that ``planproof race replay`` runs again.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planproof import __version__
from planproof.backends.model import BackendKind
from planproof.errors import ConfigError, WorkloadError
from planproof.race import program as programs
from planproof.race.declared import check_declared
from planproof.race.result import FAILED, INCONCLUSIVE, PASSED, Failure, RaceResult, Tally
from planproof.race.workload import load_workload, reference_of


if TYPE_CHECKING:
    from collections.abc import Sequence

    from planproof.backends.model import Backend
    from planproof.race.execution import Execution
    from planproof.race.explore import Session
    from planproof.race.workload import Workload


FORM = 1
STRESS_ROUNDS = 200
# Where the recorded order cannot be made any more: how many others are tried, and for how many seconds.
OTHER_ORDERS, OTHER_SECONDS = 200, 20.0


@dataclass(frozen=True, slots=True)
class Replay:
    """One recorded failure; what a replay file holds.

    Attributes:
        form: version of this form.
        planproof: version that wrote it.
        workload: ``module:Class``.
        file: the workload's file, from the folder of the replay file; tried where the module is not to be
            had.
        backend: kind of store.
        program: what each client does.
        choices: which client moves, step by step; empty for a failure found by stress.
        property: what did not hold.
        message: the sentence that told of it.
        seed: of the run that found it.
        schedule: its number in that run.
        folder: where the file lies; set when it is read.
    """

    form: int
    planproof: str
    workload: str
    file: str
    backend: str
    program: Sequence[Sequence[Sequence[Any]]]
    choices: Sequence[int]
    property: str
    message: str
    seed: int = 0
    schedule: int = 0
    folder: str = field(default=".", compare=False)

    def check(self, here: str) -> None:
        """Run it again: fails if the property breaks again, skips if nothing can be decided.

        Args:
            here: ``__file__`` of the test.
        """
        import pytest

        result = run_again(replace(self, folder=str(Path(here).parent)))
        if result.outcome == FAILED and result.failure is not None:
            from planproof.race.report import failure_text

            pytest.fail(failure_text(result.failure, result.certificate), pytrace=False)
        if result.outcome == INCONCLUSIVE:
            pytest.skip(result.reason)


def write_failure(failure: Failure, workload: type[Workload], backend: Backend, folder: Path) -> Failure:
    """Write the standalone test and the failure page into the folder; return the failure with their paths.

    Raises:
        ConfigError: the folder cannot be written.
    """
    literal = programs.to_literal(failure.program)
    mark = repr(
        (reference_of(workload), str(backend.kind), literal, failure.choices, failure.violation.property)
    )
    path = folder / f"test_race_{hashlib.sha256(mark.encode()).hexdigest()[:8]}.py"
    text = _text(failure, workload, backend, folder)
    from planproof.race.failure_page import page

    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Whole or not at all, also when two runs share the folder: the same failure has the same text.
        failure = replace(failure, replay_path=str(path), page_path=str(path.with_suffix(".html")))
        _write_whole(path, text)
        _write_whole(path.with_suffix(".html"), page(failure, workload.model))
    except OSError as error:
        raise ConfigError(f"the failure cannot be written: {error.strerror}", path=str(path)) from error
    return failure


def _write_whole(path: Path, text: str) -> None:
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _text(failure: Failure, workload: type[Workload], backend: Backend, folder: Path) -> str:
    own_file = getattr(sys.modules.get(workload.__module__), "__file__", "") or ""
    relative = os.path.relpath(own_file, folder.resolve()) if own_file else ""
    lines = ['"""Found by planproof race; it fails as long as the race is there.', ""]
    lines += [f"{workload.__qualname__} on {backend.kind} {backend.version}".rstrip() + ".", ""]
    lines += [_in_docstring(step) for step in failure.steps]
    lines += ['"""', "", "from __future__ import annotations", ""]
    lines += ["from planproof.race.replay import Replay", "", "", "RACE = Replay("]
    values: dict[str, Any] = {
        "form": FORM,
        "planproof": __version__,
        "workload": reference_of(workload),
        "file": Path(relative).as_posix() if relative else "",
        "backend": str(backend.kind),
        "program": programs.to_literal(failure.program),
        "choices": list(failure.choices),
        "property": failure.violation.property,
        "message": failure.violation.message,
        "seed": failure.seed,
        "schedule": failure.schedule,
    }
    lines += [f"    {name}={value!r}," for name, value in values.items()]
    name = "".join(sign if sign.isalnum() else "_" for sign in f"{workload.__name__}_{backend.kind}").lower()
    lines += [")", "", "", f"def test_{name}() -> None:", "    RACE.check(__file__)", ""]
    return "\n".join(lines)


def _in_docstring(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', "'''")


def read_replay(path: Path) -> Replay:
    """Read a replay file without running it.

    Args:
        path: the file, or the start of its mark (``9f3c``) where it lies in ``.planproof/races``.

    Raises:
        ConfigError: there is no such file, it holds no replay, or a later version of planproof wrote it.
    """
    path = _found(path)
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise ConfigError(f"this is no replay: {error}", path=str(path)) from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Replay":
            return _replay_of(node, path)
    raise ConfigError("this file holds no replay that planproof race run wrote", path=str(path))


def _found(path: Path) -> Path:
    if path.is_file():
        return path
    marked = sorted(Path(".planproof/races").glob(f"test_race_{path.name}*.py")) if path.name else []
    if len(marked) == 1:
        return marked[0]
    told = "several replays begin with this mark" if marked else "there is no such replay"
    raise ConfigError(told, path=str(path))


def _replay_of(node: ast.Call, path: Path) -> Replay:
    try:
        values = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in node.keywords}
        form = values.get("form")
        if form != FORM:
            told = (
                f"planproof {values.get('planproof', 'of another version')} wrote this replay in form {form}"
            )
            raise ConfigError(
                f"{told}; this is planproof {__version__}, which reads form {FORM}", path=str(path)
            )
        return Replay(**values, folder=str(path.parent))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"this replay is damaged: {error}", path=str(path)) from error


def replay(path: Path, *, backend: str | None = None) -> RaceResult:
    """Run a recorded failure again.

    Args:
        path: the file, or the start of its mark.
        backend: another kind of store than the one on which it failed.

    Raises:
        ConfigError: it cannot be read.
        WorkloadError: the workload is not to be had any more, or cannot be run.
        BackendUnavailableError: the store cannot be had here.
    """
    recorded = read_replay(path)
    return run_again(replace(recorded, backend=backend) if backend else recorded, path=str(path))


def run_again(recorded: Replay, *, path: str | None = None) -> RaceResult:
    """Run the recorded program in the recorded order.

    Where that cannot be made any more, as when the race was repaired, it runs in the nearest order and in
    every other one, within bounds: it passes if all hold.

    Args:
        recorded: what to run.
        path: the file it came from, for the replay command.

    Raises:
        WorkloadError: the workload is not to be had any more, or cannot be run.
        BackendUnavailableError: the store cannot be had here.
    """
    from planproof.backends import acquire

    workload = _workload_of(recorded)
    program = programs.from_literal(recorded.program)
    try:
        check_declared(workload)
        program = programs.checked(workload, program)
    except WorkloadError as error:
        raise WorkloadError(f"the workload changed since the replay was written: {error.message}") from error
    with acquire(BackendKind(recorded.backend)) as backend:
        run = _again if recorded.choices else _stress_again
        told = run(workload, program, recorded, backend)
    return _result(recorded, workload, program, told, backend, path)


@dataclass(frozen=True, slots=True)
class _Told:
    """What running it again came to.

    Attributes:
        done: the execution that decides, and those before it.
        others: what is to be known of a pass that is not the recorded order's.
        undecided: why nothing is decided; empty where it is.
    """

    done: list[Execution]
    others: str = ""
    undecided: str = ""


def _workload_of(recorded: Replay) -> type[Workload]:
    name = recorded.workload.rpartition(":")[2]
    file = (Path(recorded.folder) / recorded.file).resolve() if recorded.file else None
    if file is not None and file.is_file():
        return load_workload(f"{file}:{name}")
    return load_workload(recorded.workload)


def _again(workload: type[Workload], program: programs.Program, recorded: Replay, backend: Backend) -> _Told:
    from planproof.race.explore import Session
    from planproof.race.isolation import Places
    from planproof.race.schedules.orders import Recorded

    with Places(backend) as places, Session(workload, backend.kind, places) as session:
        done = session.execute(program, Recorded(recorded.choices))
        if not done.diverged:
            return _Told([done], undecided=done.undecided)
        nearest = session.execute(program, Recorded(recorded.choices, strict=False))
        if nearest.violation is not None:
            return _Told([nearest])
        return _other_orders(session, program, nearest, backend.kind)


def _other_orders(
    session: Session, program: programs.Program, nearest: Execution, kind: BackendKind
) -> _Told:
    """The application makes other calls now, as when the race was repaired: it is to hold in their orders."""
    from planproof.race.schedules.exhaustive import EveryOrder
    from planproof.race.schedules.independence import independence

    workload = session.workload
    relation, _ = independence(kind, ordered=True, tasks=workload.asynchronous())
    order, tried = EveryOrder(relation), [nearest]
    until = time.monotonic() + OTHER_SECONDS
    while not order.finished and len(tried) <= OTHER_ORDERS and time.monotonic() < until:
        done = session.execute(program, order)
        if done.violation is not None or done.undecided:
            return _Told([*tried, done], undecided=done.undecided)
        tried.append(done)
    extent = "every distinct order" if order.finished else f"{len(tried)} orders"
    told = f"the recorded order cannot be made any more; {extent} of the calls that are made now held"
    return _Told(tried, others=told)


def _stress_again(
    workload: type[Workload], program: programs.Program, recorded: Replay, backend: Backend
) -> _Told:
    """Found by stress, and no order was: run it until it fails again, within bounds."""
    from planproof.race.isolation import Places
    from planproof.race.stress import stress_once

    tried = []
    with Places(backend) as places:
        for _ in range(STRESS_ROUNDS):
            done = stress_once(workload, program, places, {})
            tried.append(done)
            if done.undecided:
                return _Told(tried, undecided=done.undecided)
            if done.violation is not None and done.violation.property == recorded.property:
                return _Told(tried)
    return _Told(
        tried, others=f"found by stress, without an order; it did not show again in {STRESS_ROUNDS} rounds"
    )


def _result(
    recorded: Replay,
    workload: type[Workload],
    program: programs.Program,
    told: _Told,
    backend: Backend,
    path: str | None,
) -> RaceResult:
    from planproof.race.certificate import certificate, count, doubt

    tally = Tally()
    for each in told.done:
        count(tally, each)
    failure, done = None, told.done[-1]
    if done.violation is not None:
        failure = Failure(
            done.violation, program, done.choices, done.steps, done.history,
            schedule=len(told.done), seed=recorded.seed, replay_path=path,
        )  # fmt: skip
    reason = "" if failure else told.undecided or doubt(workload, tally, controlled=bool(recorded.choices))
    outcome = FAILED if failure else INCONCLUSIVE if reason else PASSED
    record = certificate(
        reference=reference_of(workload),
        backend=backend,
        mode="explore" if recorded.choices else "stress",
        seed=recorded.seed,
        wanted=len(told.done),
        tally=tally,
        outcome=outcome,
    )
    return RaceResult(outcome, record, failure, reason or ("" if failure else told.others))
