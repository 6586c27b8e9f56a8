"""The program as a list of steps: read, bind, run what is due, record, judge, gate.

A session holds what the steps hand on; each step is a function that can be tested with made-up input.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from planproof.errors import ConfigError, InputError
from planproof.plan.reading import read_plans

from .binding import markers, table
from .binding.spec_parser import load_specs
from .checks import tree
from .checks.base import Context, silent
from .evidence.fingerprint import Fingerprints, claim_digest
from .evidence.record import Evidence, of_result
from .evidence.store import Store, read_all
from .gate import GateResult, decide, policy_of
from .layout import test_places
from .model import Binding, BoundBy, Check, CheckKind, Outcome, Result
from .verdict import Judge, Judged, Rules, State, judge_all


if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from planproof.config import Config, Workspace
    from planproof.plan.model import Item, Plan

    from .binding.spec import GatePolicy, Waiver
    from .binding.table import Table
    from .checks.base import Runner


TESTS: Final = frozenset({CheckKind.PYTEST, CheckKind.CALLS})


@dataclass(slots=True)
class Session:
    """Everything that the steps share.

    Attributes:
        workspace: the repository.
        plans: the plans that were asked for.
        universe: every plan whose items may be named.
        table: the bindings.
        policies: the gate's policy by plan.
        fingerprints: the workspace as it is now.
        evidence: what is known, by key of check.
        report: what the run step did.
    """

    workspace: Workspace
    plans: tuple[Plan, ...]
    universe: tuple[Plan, ...]
    table: Table
    policies: dict[str, GatePolicy]
    fingerprints: Fingerprints
    evidence: dict[str, Evidence]
    report: RunReport = field(default_factory=lambda: RunReport())  # noqa: PLW0108 - is defined below

    @property
    def store_path(self) -> Path:
        """The evidence store's file."""
        return self.workspace.root / self.workspace.config.evidence

    def judge(self) -> Judge:
        """The judge over what is known now."""
        rules = {
            plan: Rules(policy.backends, inferred=policy.inferred, emulated=policy.emulated)
            for plan, policy in self.policies.items()
        }
        return Judge(self.table, self.evidence, self.fingerprints, rules)

    def waivers(self) -> list[tuple[str, Waiver]]:
        """Waivers of the plans that were asked for, by item id."""
        names = table.Names(self.plans)
        asked = {plan.id for plan in self.plans}
        return [
            (names.find(waiver.item, plan=plan, path=waiver.path, line=waiver.line), waiver)
            for plan, spec in self.table.specs.items()
            if plan in asked
            for waiver in spec.waivers
        ]


@dataclass(slots=True)
class RunReport:
    """What the run step did: keys of checks that ran, how many were reused, seconds, files that changed."""

    ran: list[str] = field(default_factory=list)
    reused: int = 0
    seconds: float = 0.0
    changed: tuple[str, ...] = ()


def open_session(
    workspace: Workspace, paths: Sequence[Path], asked: Mapping[str, Any] | None = None
) -> Session:
    """Read plans, specs and markers, and bind them.

    Args:
        workspace: the repository.
        paths: plan files and folders; none means those of the configuration.
        asked: gate policy of the command line, by key of GatePolicy.

    Raises:
        InputError: no plan, or one that cannot be read.
        SpecError, UnknownItemError: a spec or marker that does not say what it must.
    """
    root, config = workspace.root, workspace.config
    configured = [root / one for one in config.plans if (root / one).exists()]
    given = [path if path.is_absolute() else Path.cwd() / path for path in paths]
    if not given and not configured:
        raise InputError(f"there are no plans: {', '.join(config.plans)} does not exist", path=str(root))
    universe = read_plans(_without_twins([*(given or configured), *configured]), root)
    plans = tuple(one for one in universe if not given or _is_asked(root / one.path, given))
    if not plans:
        raise InputError("no plan was found in what was asked for", path=str(paths[0]) if paths else None)
    _refuse_unknown(root, config)
    bound = _bind(workspace, universe)
    policies = {one.id: policy_of(bound.specs.get(one.id), config.gate, asked or {}) for one in universe}
    return Session(
        workspace=workspace,
        plans=plans,
        universe=universe,
        table=bound,
        policies=policies,
        fingerprints=Fingerprints(root, config.python),
        evidence=read_all(root / config.evidence),
    )


def _refuse_unknown(root: Path, config: Config) -> None:
    """Raise where the configuration names a kind, a backend or an interpreter that there is not."""
    from .binding.check_parser import BACKENDS
    from .binding.spec import unknown_kind

    wrong = unknown_kind(config.gate.get("kinds", ()))
    if not wrong:
        strange = [one for one in config.gate.get("backends", ()) if one not in BACKENDS]
        wrong = f"unknown backend {strange[0]!r}; known are {', '.join(BACKENDS)}" if strange else ""
    if wrong:
        raise ConfigError(f"{wrong} (in [tool.planproof.gate])", path=config.path)
    named = str(root / config.python) if "/" in config.python else config.python
    if named and shutil.which(named) is None:
        raise ConfigError(f"there is no interpreter {config.python!r} (python)", path=config.path)


def _without_twins(paths: Iterable[Path]) -> list[Path]:
    """Each path once; what lies in a folder that is also named is left to the folder."""
    unique = list(dict.fromkeys(path.resolve() if path.exists() else path for path in paths))
    folders = [path for path in unique if path.is_dir()]
    return [one for one in unique if not any(one != other and one.is_relative_to(other) for other in folders)]


def _is_asked(path: Path, given: Sequence[Path]) -> bool:
    real = path.resolve()
    return any(real == one.resolve() or real.is_relative_to(one.resolve()) for one in given)


def _bind(workspace: Workspace, universe: Sequence[Plan]) -> Table:
    from .binding.inferred import infer
    from .binding.subjects import complete

    root, config = workspace.root, workspace.config
    specs = load_specs(root / config.specs, root)
    marks = markers.find_marks(root, test_places(root, config.tests))
    bound = table.build(universe, specs, marks)
    unbound = [(plan, item) for plan in universe for item in plan.items if item.id not in bound.by_item]
    inferred = infer(unbound, workspace)
    if inferred:
        bound = replace(bound, by_item={**bound.by_item, **inferred})
    return complete(bound, {item.id: item for plan in universe for item in plan.items}, root)


def due(session: Session) -> list[Check]:
    """The checks of the asked plans that must run: never run, stale, or not passed last time."""
    judge = session.judge()
    wanted: dict[str, Check] = {}
    known: dict[str, Check] = {}
    for item, binding in bindings(session):
        check = binding.check
        if not judge.is_demanded(binding) or not _may_run(binding, session):
            continue
        known[check.key] = check
        view = judge.view(item, binding)
        passed = view.evidence is not None and view.evidence.outcome is Outcome.PASSED
        if not passed or view.state in {State.STALE, State.NONE} or _controls_are_due(view.reason):
            wanted[check.key] = check
    session.report.reused = len(known) - len(wanted)
    return list(wanted.values())


def all_checks(session: Session) -> list[Check]:
    """Every demanded check of the asked plans, fresh or not."""
    judge = session.judge()
    wanted = [one for _, one in bindings(session) if judge.is_demanded(one) and _may_run(one, session)]
    return list({one.check.key: one.check for one in wanted}.values())


def share(session: Session, due: Sequence[Check], shard: str) -> list[Check]:
    """Of the checks that are due, those of one shard.

    The cut is made over all demanded checks, so machines with different caches still cut alike.

    Raises:
        ConfigError: the shard is not written like ``2/8``.
    """
    from .sharding import Shard

    part = Shard.parse(shard)
    seconds = {key: one.seconds for key, one in session.evidence.items()}
    mine = {one.key for one in part.of(all_checks(session), seconds)}
    return [one for one in due if one.key in mine]


def _may_run(binding: Binding, session: Session) -> bool:
    """False for an inferred check that would run something and does not count; a code query runs nothing."""
    policy = session.policies[binding.item.split(":", 1)[0]]
    inferred = binding.bound_by is BoundBy.INFERRED
    return not inferred or policy.inferred or binding.check.kind is CheckKind.CODE


def _controls_are_due(reason: str) -> bool:
    return reason.startswith(("its controls did not run", "undecided", "needs a control"))


def bindings(session: Session) -> Iterator[tuple[Item, Binding]]:
    """Every item of the asked plans with each of its bindings."""
    for plan in session.plans:
        for item in plan.items:
            for binding in session.table.by_item.get(item.id, ()):
                yield item, binding


def run_due(
    session: Session, checks: Sequence[Check], *, progress: Callable[[str], None] = silent, race: Any = None
) -> None:
    """Run checks and record what each found as soon as it is known; keeps what is finished on Ctrl-C.

    Args:
        session: filled with the new evidence.
        checks: what to run.
        progress: told one short line for each thing done.
        race: runs a workload in this process; for tests.
    """
    if not checks:
        return
    started = time.monotonic()
    root = session.workspace.root
    before = tree.snapshot(root)
    with Store(session.store_path) as store, tempfile.TemporaryDirectory(prefix="planproof-") as scratch:
        recorder = _Recorder(session, store, before)
        context = replace(
            _context(session, Path(scratch), store, checks, progress, race), prepare=recorder.prepare
        )
        try:
            _run_all(checks, context, recorder)
        finally:
            recorder.flush()
            session.report.seconds = time.monotonic() - started
            session.report.changed = tuple(tree.changed(before, tree.snapshot(root)))


def _context(
    session: Session,
    scratch: Path,
    store: Store,
    checks: Sequence[Check],
    progress: Callable[[str], None],
    race: Any,
) -> Context:
    config, root = session.workspace.config, session.workspace.root
    took = store.durations()
    return Context(
        root=root,
        scratch=scratch,
        python=config.python or sys.executable,
        # With PYTHONOPTIMIZE no assertion would run that is not in a test module.
        env={name: value for name, value in os.environ.items() if name != "PYTHONOPTIMIZE"},
        timeout=config.timeout or 300.0,
        workers=config.workers,
        expected_seconds=sum(took.get(check.key, 0.0) for check in checks if check.kind in TESTS),
        tests=test_places(root, config.tests),
        progress=progress,
        race=race,
    )


def _run_all(checks: Sequence[Check], context: Context, recorder: _Recorder) -> None:
    """Cheap kinds first; all tests in one process, then their controls. A kind is imported when it is run."""
    if queries := [check for check in checks if check.kind is CheckKind.CODE]:
        from .checks.code import CodeRunner

        for result in CodeRunner().run(queries, context):
            recorder.add(result)
    if tests := [check for check in checks if check.kind in TESTS]:
        _run_tests(tests, context, recorder)
    for kind in (CheckKind.COMMAND, CheckKind.COVERAGE, CheckKind.RACE):
        if others := [check for check in checks if check.kind is kind]:
            for result in _runner(kind).run(others, context):
                recorder.add(result)
                recorder.flush()


def _run_tests(checks: Sequence[Check], context: Context, recorder: _Recorder) -> None:
    """All tests in one process, then the controls of those that passed."""
    from .checks.pytest_check import PytestRunner

    controlled: list[Result] = []
    try:
        for result in PytestRunner().run(checks, context):
            if result.check.controls is None or result.outcome is not Outcome.PASSED:
                recorder.add(result)
            else:
                controlled.append(result)
    finally:
        recorder.flush()
    if controlled:
        from .checks.controls import run_controls

        controls = run_controls(controlled, context)
        for result in controlled:
            recorder.add(replace(result, controls=controls.get(result.check.key, ())))
        recorder.flush()


def _runner(kind: CheckKind) -> Runner:
    """What runs the checks of a kind that are not tests."""
    if kind is CheckKind.COMMAND:
        from .checks.command import CommandRunner

        return CommandRunner()
    if kind is CheckKind.COVERAGE:
        from .checks.coverage import CoverageRunner

        return CoverageRunner()
    from .checks.race import RaceRunner

    return RaceRunner()


class _Recorder:
    """Turns results into evidence and puts it into the store, many at a time.

    Args:
        session: what was asked for.
        store: where evidence goes.
        before: the workspace when the first check began.
    """

    def __init__(self, session: Session, store: Store, before: tree.Snapshot) -> None:
        self.session = session
        self.store = store
        self.commit: str | None = None
        self.before = dict(before)
        self.prepared = False
        self.written: dict[str, bool] = {}
        self.waiting: list[Evidence] = []
        self.fingerprints = Fingerprints(session.workspace.root, session.workspace.config.python)
        self.claims: dict[str, dict[str, str]] | None = None

    def add(self, result: Result) -> None:
        """Keep one result."""
        if self.prepared:
            self.fingerprints.sources.settle()
            self.prepared = False
        footprint = self.fingerprints.take(result, self._was_written)
        claims = self._claims().get(result.check.key, {})
        evidence = of_result(result, footprint, claims, at=time.time(), commit=self._commit())
        self.session.evidence[evidence.key] = evidence
        self.session.report.ran.append(evidence.key)
        self.waiting.append(evidence)

    def prepare(self, file: str) -> None:
        """Read a test file, and what it reaches, while checks still run.

        What is written after it was read is known by its time of change, as for all other files.
        """
        root = self.session.workspace.root
        for one in self.fingerprints.sources.prepare(file):
            self.before.setdefault(one, tree.state_of(root / one) or (0, 0))
        self._claims()
        self._commit()
        self.prepared = True

    def _claims(self) -> dict[str, dict[str, str]]:
        """Digest of each item's text, by key of check and by item."""
        if self.claims is None:
            self.claims = {}
            for item, binding in bindings(self.session):
                self.claims.setdefault(binding.check.key, {})[item.id] = claim_digest(item)
        return self.claims

    def _commit(self) -> str:
        if self.commit is None:
            self.commit = commit_of(self.session.workspace.root)
        return self.commit

    def _was_written(self, file: str) -> bool:
        """True for Python that somebody wrote since the run began: what ran may not be what is there now."""
        if file not in self.written:
            now = tree.state_of(self.session.workspace.root / file)
            self.written[file] = file.endswith(".py") and now != self.before.get(file, now)
        return self.written[file]

    def flush(self) -> None:
        """Record what waits; the session then looks at the workspace afresh."""
        if self.waiting:
            self.store.put(self.waiting)
            self.waiting = []
            self.session.fingerprints = self.fingerprints


def commit_of(root: Path) -> str:
    """The commit of a workspace, with ``+`` where tracked files differ from it; empty without git."""
    import subprocess

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()

    try:
        head = git("rev-parse", "HEAD")
        return head + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def configuration_of(workspace: Workspace) -> dict[str, str]:
    """SHA-256 of the spec files and the configuration, by path."""
    from .model import digest

    root = workspace.root
    named = [workspace.config.path] if workspace.config.path else []
    specs = (
        (root / workspace.config.specs).rglob("*.y*ml") if (root / workspace.config.specs).is_dir() else []
    )
    files = [*(root / one for one in named), *specs]
    return {workspace.shown(path): digest(path.read_bytes()) for path in sorted(files) if path.is_file()}


def write_receipt(session: Session, path: Path | None = None) -> Path | None:
    """Write what is known of the asked plans' checks at this commit; None where that is nothing.

    Args:
        session: after the run step.
        path: where to; a name of its own in the receipts' folder where None.
    """
    from .evidence import receipt

    root, config = session.workspace.root, session.workspace.config
    keys = {binding.check.key for _, binding in bindings(session)}
    commit = commit_of(root)
    found = [
        replace(one, commit=commit)
        for key, one in session.evidence.items()
        if key in keys
        and (key in session.report.ran or not session.fingerprints.changed_at_all(one.footprint))
    ]
    if not found:
        return None
    body = receipt.statement(found, commit=commit, configuration=configuration_of(session.workspace))
    name = body["predicate"]["planproof"]["digest"][:16]
    path = path or root / config.receipts / f"{int(time.time())}-{name}.json"
    receipt.write(path, body)
    return path


def judged(session: Session) -> tuple[Judged, ...]:
    """The verdict on every item of the asked plans."""
    judge = session.judge()
    return judge_all(session.plans, judge)


def gate(
    session: Session, verdicts: Sequence[Judged], today: dt.date, only: Collection[str] | None = None
) -> GateResult:
    """The gate's word over verdicts."""
    return decide(verdicts, session.policies, session.waivers(), today, only)


def demand_backends(names: Sequence[str]) -> dict[str, Any]:
    """The part of a policy that a command line asks for.

    Raises:
        ConfigError: a backend that is not known.
    """
    from .binding.check_parser import BACKENDS

    for name in names:
        if name not in BACKENDS and name != "all":
            raise ConfigError(f"unknown backend {name!r}; known are {', '.join(BACKENDS)} and all")
    if not names:
        return {}
    return {"backends": BACKENDS if "all" in names else tuple(dict.fromkeys(names))}
