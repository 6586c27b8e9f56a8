"""Where a keeper's folder is made: short enough for a socket, open to the account that it runs under."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from planproof.backends import keeping


@pytest.fixture
def temporary(monkeypatch):
    """``temporary(folder)`` makes it the folder for temporary files."""
    return lambda folder: monkeypatch.setattr(tempfile, "tempdir", str(folder))


@pytest.fixture
def open_folder():
    """A folder that every account may pass."""
    with tempfile.TemporaryDirectory(dir=keeping.place()) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_the_usual_folder_is_used(temporary, open_folder):
    temporary(open_folder)
    with keeping.own_directory() as directory:
        assert directory.parent == open_folder
    assert list(open_folder.iterdir()) == []


def test_a_folder_with_a_long_path_is_not(temporary, open_folder):
    deep = open_folder / ("a" * 100)
    deep.mkdir()
    temporary(deep)
    with keeping.own_directory() as directory, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / keeping.SOCKET))
        assert deep not in directory.parents


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers under another account")
@pytest.mark.parametrize("closed", ["itself", "its parent"])
def test_a_folder_that_other_accounts_may_not_pass_is_not(closed, temporary, open_folder):
    inner = open_folder / "inner"
    inner.mkdir()
    inner.chmod(0o755)
    (inner if closed == "itself" else open_folder).chmod(0o700)
    temporary(inner)
    with keeping.own_directory() as directory:
        assert inner not in directory.parents


def test_what_a_killed_keeper_left_in_either_place_is_swept(temporary, open_folder, monkeypatch):
    other = open_folder / "other"
    other.mkdir()
    left = []
    for where in (open_folder, other):
        left.append(where / f"{keeping.FOLDER}left")
        left[-1].mkdir()
        (left[-1] / keeping.LOCK).touch()
    temporary(open_folder)
    monkeypatch.setattr(keeping, "ELSEWHERE", (other,))
    with keeping.own_directory() as living:
        assert set(keeping.sweep()) == set(left)
        assert living.is_dir()
