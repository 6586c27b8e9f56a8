"""Tick and untick: splice exactly the bytes that make a claim, and write without losing anybody's work.

A claim is made by a box, by a **Status** field, or by an emoji, in this order. Only those bytes change:
line endings, spaces and everything else stay as they are. A plan file is whole at every moment, old or new.
"""

from __future__ import annotations

import os
import re
import stat
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from planproof.errors import EditError
from planproof.locks import folder_locked
from planproof.plan.model import Claim
from planproof.plan.reading import intake, read_bytes
from planproof.plan.reading.boxes import parse_box
from planproof.plan.reading.words import status_claim


if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planproof.plan.model import Field, Item, Plan


TRIES: Final = 5
"""How often a write is tried again when others write the same file."""

# Words that stand for each other; each has one partner, so that tick and untick are inverse.
_PAIRS: Final = (
    ("pending", "complete"),
    ("todo", "done"),
    ("open", "closed"),
    ("planned", "implemented"),
    ("not started", "finished"),
    ("incomplete", "completed"),
)
_DONE_OF: Final = dict(_PAIRS)
_OPEN_OF: Final = {done: open_ for open_, done in _PAIRS}
_SIGN_DONE: Final = {"☐": "☑"}
_SIGN_OPEN: Final = {"☑": "☐"}
_WORD: Final = re.compile(
    r"not[ _-]started|not[ _-]created|not complete|not done|in[ _-]progress|on hold|won't do"
    r"|to[ -]do|to be verified"
    r"|[^\W\d_]+(?:-[^\W\d_]+)*",
    re.IGNORECASE,
)
_LEAD: Final = re.compile(r"[\s*_`]*(?:\[[ xX]\][\s]*)?([^\w\s\[(*_`]?)\ufe0f?[\s*_`]*")


class Splice(NamedTuple):
    """Bytes to replace: a half-open range and what comes in its place."""

    start: int
    end: int
    new: bytes


def splice_of(data: bytes, item: Item, *, done: bool) -> Splice | None:
    """The splice that makes an item claim done or open; None where it claims that already.

    Args:
        data: the bytes that the item was read from.
        item: the item.
        done: what it shall claim.

    Raises:
        EditError: the item has no box, no status and no emoji, or the bytes are not those it was read from.
    """
    if item.box is not None:
        if data[item.box - 1 : item.box] != b"[" or data[item.box + 1 : item.box + 2] != b"]":
            raise EditError(f"{item.id} is not where it was read; read the plan again", line=item.line)
        return _char(data, item.box, item.box + 1, done=done)
    field = claiming_field(item)
    if field is None:
        raise EditError(f"{item.id} has no box, no status field and no emoji to change", line=item.line)
    start, end = field.span
    if data[start:end] != field.value.encode():
        raise EditError(f"{item.id} is not where it was read; read the plan again", line=field.line)
    if field.name == "box":
        return _char(data, start, end, done=done)
    new = _sign(field.value, done=done) if field.name == "emoji" else _status(field.value, done=done)
    return None if new == field.value else Splice(start, end, new.encode())


def claiming_field(item: Item) -> Field | None:
    """The field that carries an item's claim where it has no box: a heading's box, its status, its emoji."""
    for name in ("box", "status", "state", "emoji"):
        found = next((field for field in item.fields if field.name.lower() == name), None)
        if found is not None and (name not in {"status", "state"} or status_claim(found.value) is not None):
            return found
    return None


def spliced(data: bytes, item: Item, *, done: bool) -> bytes:
    """The bytes with one item ticked or unticked; see :func:`splice_of`."""
    splice = splice_of(data, item, done=done)
    return data if splice is None else _applied(data, [splice])


def _applied(data: bytes, splices: list[Splice]) -> bytes:
    for splice in sorted(splices, reverse=True):
        data = data[: splice.start] + splice.new + data[splice.end :]
    return data


def _char(data: bytes, start: int, end: int, *, done: bool) -> Splice | None:
    now = data[start:end]
    if (now in {b"x", b"X"}) if done else (now == b" "):
        return None
    return Splice(start, end, b"x" if done else b" ")


def _sign(sign: str, *, done: bool) -> str:
    if done:
        return sign if sign in "✅✔☑✓" else _SIGN_DONE.get(sign, "✅")
    return sign if sign in "⬜☐🔲❌⏳📝📋" else _SIGN_OPEN.get(sign, "⬜")


def _status(value: str, *, done: bool) -> str:
    """A status field's value with its first word, and the emoji or box before it, changed."""
    wanted = Claim.DONE if done else Claim.OPEN
    if status_claim(value) is wanted:
        return value
    lead = _LEAD.match(value)
    head = lead[0] if lead else ""
    sign = lead[1] if lead else ""
    if sign:
        head = head.replace(sign, _sign(sign, done=done), 1)
    box = head.find("[")
    if box >= 0 and parse_box(head[box:].strip() + " "):
        head = f"{head[: box + 1]}{'x' if done else ' '}{head[box + 2 :]}"
    rest = value[lead.end() if lead else 0 :]
    word = _WORD.match(rest)
    if word is None:
        return head + rest
    return head + _cased(word[0], done=done) + rest[word.end() :]


def _cased(word: str, *, done: bool) -> str:
    """The partner of a state's word, in the same case."""
    lower = word.lower().replace("_", " ").replace("-", " ")
    new = _DONE_OF.get(lower, "complete") if done else _OPEN_OF.get(lower, "pending")
    if word.isupper():
        return new.upper()
    return new[0].upper() + new[1:] if word[:1].isupper() else new


def edit(path: Path, plan: Plan, changes: Mapping[str, bool], *, workspace: Path) -> tuple[str, ...]:
    """Tick and untick items of a plan on disk, in one write.

    What others wrote since the plan was read is kept: the file is read again under a lock, and each item
    must still be there with the same bytes of its own.

    Args:
        path: the plan file.
        plan: the plan as it was read.
        changes: ids, each with True for done and False for open.
        workspace: a symbolic link is not followed out of it.

    Returns:
        The ids whose claim changed.

    Raises:
        EditError: an item is gone or changed, has nothing to splice, or the file cannot be written.
        InputError: the file is gone or is no plan any more.
    """
    target = _target(path, workspace)
    with _locked(target.parent):
        for _ in range(TRIES):
            data = intake.load(target, workspace)
            splices = _splices(data, plan, changes, str(path))
            if not splices:
                return ()
            new = _applied(data, list(splices.values()))
            if _replace(target, data, new):
                return tuple(splices)
    raise EditError("the plan is being written by others all the time; nothing was changed", path=str(path))


def _splices(data: bytes, plan: Plan, changes: Mapping[str, bool], path: str) -> dict[str, Splice]:
    """What to change in the bytes as they are now."""
    now = plan if data == plan.source else read_bytes(data, plan.path, plan_id=plan.id)
    items = {item.id: item for item in now.items}
    before = items if now is plan else {item.id: item for item in plan.items}
    found: dict[str, Splice] = {}
    for name, done in changes.items():
        item, old = items.get(name), before.get(name)
        if old is None:
            raise EditError(f"the plan has no item {name}", path=path)
        if item is None:
            raise EditError(f"{name} was taken out since the plan was read", path=path, line=old.line)
        if now is not plan and _own(data, item) != _own(plan.source, old):
            raise EditError(f"{name} was changed since the plan was read", path=path, line=item.line)
        try:
            splice = splice_of(data, item, done=done)
        except EditError as error:
            raise EditError(error.message, path=path, line=error.line) from None
        if splice is not None:
            found[name] = splice
    return found


def _own(data: bytes, item: Item) -> tuple[bytes, ...]:
    """An item's own bytes: its lines, without their indentation, and what claims for it."""
    fields = tuple(data[field.span.start : field.span.end] for field in item.fields)
    return (data[item.span.start : item.span.end].strip(), *fields)


def _target(path: Path, workspace: Path) -> Path:
    """Where to write: the file itself, or what a link inside the workspace leads to."""
    if intake.leads_out(path, workspace):
        raise EditError("a symbolic link that leads out of the workspace is not followed", path=str(path))
    return path.resolve()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that two runs of planproof write one after the other."""
    with ExitStack() as held:
        try:
            held.enter_context(folder_locked(folder))
        except OSError as error:
            raise EditError(f"the folder cannot be opened: {error.strerror}", path=str(folder)) from None
        yield


def _replace(target: Path, old: bytes, new: bytes) -> bool:
    """Put new bytes in the place of old ones at once; False where others wrote in between."""
    try:
        mode = stat.S_IMODE(target.stat().st_mode)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    except OSError as error:
        raise EditError(f"the plan cannot be written: {error.strerror}", path=str(target)) from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(new)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        if target.read_bytes() != old:
            return False
        temporary.replace(target)
    except OSError as error:
        raise EditError(f"the plan cannot be written: {error.strerror}", path=str(target)) from None
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    return True
