"""Small repositories for tests: write files, verify in this process, look at the verdicts."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from planproof.config import find_workspace
from planproof.proof import session as steps


ROOT = Path(__file__).resolve().parents[3]
TODAY = dt.date(2030, 1, 1)


@dataclass
class Outcome:
    """What a verify came to."""

    judged: dict
    report: object
    gate: object
    session: object

    def verdict(self, local):
        return self.judged[local].verdict.value

    def reason(self, local):
        return self.judged[local].reason


class Repo:
    """A repository in a temporary folder, with pytest's own defaults."""

    def __init__(self, root):
        self.root = root
        self.write("pyproject.toml", "[tool.pytest.ini_options]\npythonpath = ['.']\n")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        # A compiled file must never outlive its source within one tick of the clock.
        for stale in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            stale.unlink()
        return path

    def plan(self, *boxes, name="demo"):
        lines = [f"- {box}" for box in boxes]
        return self.write(
            f"plans/{name}.md", f"# Tasks: {name}\n\n## Phase 1: Work\n\n" + "\n".join(lines) + "\n"
        )

    def spec(self, text, name="demo"):
        return self.write(f"specs/{name}.yaml", f"schema: 1\nplan: {name}\n" + textwrap.dedent(text))

    def session(self, *paths, asked=None):
        return steps.open_session(find_workspace(self.root), [self.root / one for one in paths], asked)

    def verify(self, *paths, asked=None, race=None, today=TODAY):
        session = self.session(*paths, asked=asked)
        steps.run_due(session, steps.due(session), race=race)
        return self._outcome(session, today)

    def judge(self, *paths, asked=None, today=TODAY):
        return self._outcome(self.session(*paths, asked=asked), today)

    def _outcome(self, session, today):
        judged = steps.judged(session)
        return Outcome(
            {one.item.local: one for one in judged},
            session.report,
            steps.gate(session, judged, today),
            session,
        )

    def cli(self, *arguments, python=sys.executable, **env):
        """Run the command line in a process of its own."""
        harness = str(ROOT / "harness")
        return subprocess.run(
            [python, "-m", "planproof", *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": harness, "NO_COLOR": "1", **env},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def git(self, *arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True)
