"""Texts made to be slow: very long lines, marks that are never closed, thousands of near matches."""

import time

import pytest

from planproof.plan.lint import lint
from planproof.plan.reading import read_bytes


SIZE = 60_000
SECONDS = 4.0  # a quadratic search takes minutes on these
HEAD = "# Tasks\n\n- [ ] T001 Parse\n- [ ] T002 Print\n- [ ] T003 Tell\n"
TEXTS = {
    "spaces": "- [ ] T001 a" + " " * SIZE + "(x\n",
    "open comments": "<!-- " * (SIZE // 5) + "\n- [ ] T001 idempotent\n",
    "open suppressions": "<!-- planproof: ignore PP401 " * (SIZE // 30),
    "stars": "- [ ] " + "*" * SIZE + " or\n",
    "dashes": "- [x] T001 - " + "- " * (SIZE // 2) + "pending\n",
    "retry": "- [ ] backoff " + "retry ( " * (SIZE // 8) + "\n- jitter token bucket\n",
    "repeat": "- [ ] idempotency " + "repeated → " * (SIZE // 11),
    "server time": "- [ ] T001 server " + "time `x` " * (SIZE // 9),
    "unknown ids": HEAD + "T009 " * (SIZE // 5),
    "statuses": "- [ ] " + "X → 404 " * (SIZE // 8),
    "camel": "- [ ] `" + "Aa" * (SIZE // 2) + "` x\n## Completion Criteria\n- [ ] AaBb done\n",
    "path": "- [ ] `" + "a-" * (SIZE // 2) + "/b.py`\n",
    "question marks": "- [ ] `f(" + "ab?, " * (SIZE // 5) + ")` required\n",
    "brackets": "- [x] " + "(pending " * (SIZE // 9),
    "not every": HEAD + "  - not every call to clean\n  - each call to clean\n" * (SIZE // 50),
    "phases": "".join(
        f"## Phase {n}: retry\n\n- [ ] T{n:05} x\n\n**Completed**\n" for n in range(SIZE // 50)
    ),
    "questions": HEAD + "  TBD\n" * (SIZE // 6),
    "arrows": HEAD + "```\n" + "T001 -> T002\n" * (SIZE // 13) + "```\n",
    "groups": "".join(
        f"- [ ] T{n:05} [P] in `a/b.py`\n- T{n:05}, T{n + 1:05} in parallel\n" for n in range(900)
    ),
    "backticks": "`" * SIZE + "\n" + HEAD,
    "one letter": "T" * SIZE,
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_is_linted_in_time(name):
    plan = read_bytes(TEXTS[name].encode(), "plan.md")
    began = time.process_time()
    lint([plan], select=["ALL"])

    assert time.process_time() - began < SECONDS
