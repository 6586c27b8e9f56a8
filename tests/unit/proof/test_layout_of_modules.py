"""Which file a module of the workspace is."""

import pytest

from planproof.proof.layout import module_file


@pytest.fixture
def root(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").touch()
    (tmp_path / "app" / "core.py").touch()
    return tmp_path


@pytest.mark.parametrize(("name", "file"), [("app", "app/__init__.py"), ("app.core", "app/core.py")])
def test_a_module_or_package(root, name, file):
    assert module_file(name, [root]) == root / file


@pytest.mark.parametrize("name", ["", ".", "app.", ".core", "nothing", "app.nothing"])
def test_no_module_of_the_workspace(root, name):
    assert module_file(name, [root]) is None
