"""Ticking on disk: others' work is kept, the file is whole at every moment, links and modes are respected."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from planproof.errors import EditError, InputError
from planproof.plan import editing
from planproof.plan.model import Claim
from planproof.plan.reading import read_bytes, read_plan


PLAN = (
    b"# P\r\n\r\n- [ ] T001 one  \r\n- [x] T002 two\n\n### T003: three\n- **Status**: Pending (soon)\n\n"
    b"### 2.1 Four \xe2\x9c\x85\n"
)


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "plan.md"
    file.write_bytes(PLAN)
    return file


def claims(path):
    return {item.local: item.claim for item in read_plan(path).items}


def test_box_status_and_emoji_are_spliced(path, tmp_path):
    plan = read_plan(path, workspace=tmp_path)
    changes = {"plan:T001": True, "plan:T002": False, "plan:T003": True, "plan:2.1": False}
    assert editing.edit(path, plan, changes, workspace=tmp_path) == tuple(changes)
    assert path.read_bytes() == (
        PLAN.replace(b"[ ] T001", b"[x] T001")
        .replace(b"[x] T002", b"[ ] T002")
        .replace(b"Pending", b"Complete")
        .replace("✅".encode(), "⬜".encode())
    )
    assert claims(path) == {"T001": Claim.DONE, "T002": Claim.OPEN, "T003": Claim.DONE, "2.1": Claim.OPEN}


def test_what_is_so_already_writes_nothing(path, tmp_path):
    before = path.stat()
    assert editing.edit(path, read_plan(path), {"plan:T002": True}, workspace=tmp_path) == ()
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino


def test_others_work_is_kept(path, tmp_path):
    plan = read_plan(path, workspace=tmp_path)
    path.write_bytes(b"# P\n\nA new paragraph.\n\n- [ ] T009 new\n" + PLAN[7:])
    editing.edit(path, plan, {"plan:T001": True}, workspace=tmp_path)
    assert path.read_bytes() == b"# P\n\nA new paragraph.\n\n- [ ] T009 new\n" + PLAN[7:].replace(
        b"[ ] T001", b"[x] T001"
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [(b"one", b"another", "changed since"), (b"- [ ] T001 one  \r\n", b"", "taken out")],
)
def test_a_changed_item_is_refused(path, tmp_path, old, new, words):
    plan = read_plan(path, workspace=tmp_path)
    changed = PLAN.replace(old, new)
    path.write_bytes(changed)
    with pytest.raises(EditError, match=words):
        editing.edit(path, plan, {"plan:T001": True}, workspace=tmp_path)
    assert path.read_bytes() == changed


def test_nothing_to_splice_is_refused(path, tmp_path):
    path.write_bytes(b"## Notes\n\n- a note\n")
    plan = read_plan(path, workspace=tmp_path)
    with pytest.raises(EditError, match="no box, no status field and no emoji"):
        editing.edit(path, plan, {plan.items[0].id: True}, workspace=tmp_path)
    with pytest.raises(EditError, match="no item plan:T077"):
        editing.edit(path, plan, {"plan:T077": True}, workspace=tmp_path)


def test_stale_bytes_are_refused():
    plan = read_bytes(b"- [ ] T001 one\n", "p.md")
    with pytest.raises(EditError, match="read the plan again"):
        editing.spliced(b"\n- [ ] T001 one\n", plan.items[0], done=True)


def test_the_mode_is_kept(path, tmp_path):
    path.chmod(0o640)
    editing.edit(path, read_plan(path), {"plan:T001": True}, workspace=tmp_path)
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["plan.md"]


def test_a_link_inside_stays_a_link(path, tmp_path):
    link = tmp_path / "link.md"
    link.symlink_to(path)
    editing.edit(link, read_plan(link), {"link:T001": True}, workspace=tmp_path)
    assert link.is_symlink()
    assert b"[x] T001" in path.read_bytes()


def test_a_link_out_of_the_workspace_is_not_followed(path, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    link = inside / "link.md"
    link.symlink_to(path)
    plan = read_plan(path)
    with pytest.raises(EditError, match="leads out of the workspace"):
        editing.edit(link, plan, {"plan:T001": True}, workspace=inside)
    with pytest.raises(InputError, match="leads out of the workspace"):
        read_plan(link, workspace=inside)
    assert path.read_bytes() == PLAN


def test_writers_at_once_all_win(tmp_path):
    path = tmp_path / "plan.md"
    path.write_bytes(b"".join(b"- [ ] T%03d task\n" % number for number in range(24)))
    plan = read_plan(path)
    threads = [
        threading.Thread(
            target=editing.edit,
            args=(path, plan, {f"plan:T{number:03d}": True}),
            kwargs={"workspace": tmp_path},
        )
        for number in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes().count(b"[x]") == 24


def test_a_kill_leaves_the_old_file_or_the_new(path, tmp_path):
    """The process dies right before the rename: the plan is the old one, whole."""
    code = (
        "import os, pathlib\n"
        "from planproof.plan import editing\n"
        "from planproof.plan.reading import read_plan\n"
        "pathlib.Path.replace = lambda *a: os._exit(9)\n"
        f"path = pathlib.Path({str(path)!r})\n"
        "editing.edit(path, read_plan(path), {'plan:T001': True}, workspace=path.parent)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(editing.__file__).resolve().parents[2])}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 9
    assert path.read_bytes() == PLAN
    editing.edit(path, read_plan(path), {"plan:T001": True}, workspace=tmp_path)
    assert b"[x] T001" in path.read_bytes()


def test_a_file_that_others_keep_writing_is_left_alone(path, tmp_path, monkeypatch):
    plan = read_plan(path)
    count = iter(range(100))

    def interfere(target, old, new):
        path.write_bytes(PLAN + b"%d\n" % next(count))
        return False

    monkeypatch.setattr(editing, "_replace", interfere)
    with pytest.raises(EditError, match="being written by others"):
        editing.edit(path, plan, {"plan:T001": True}, workspace=tmp_path)
