"""What a test's source says about whether it can fail; silence on everything that is not sure."""

import textwrap

import pytest

from planproof.proof.checks.strength import weakness


HONEST = {
    "builtin": "def test_x():\n    assert len('a') == 1\n",
    "raises": "def test_x():\n    with pytest.raises(ValueError):\n        f()\n",
    "numpy style": "def test_x():\n    np.testing.assert_allclose(f(), 1)\n",
    "unittest": "class TestX:\n    def test_x(self):\n        self.assertEqual(f(), 1)\n",
    "helper method": "class TestX:\n    def look(self):\n        assert f()\n    def test_x(self):\n        self.look()\n",
    "imported helper": "from tests.helpers import look\n\ndef test_x():\n    look(f())\n",
    "unknown decorator": "@scenario('a.feature', 'b')\ndef test_x():\n    pass\n",
    "mock given to the subject": "def test_x():\n    m = Mock()\n    f(m)\n    m.save.assert_called_once()\n",
    "mock beside the subject": "def test_x():\n    m = Mock()\n    assert f(m) == m\n",
    "patched neighbour": "def test_x():\n    with patch('app.clock') as c:\n        f()\n    c.assert_called_once()\n",
    "try with a specific error": "def test_x():\n    try:\n        assert f()\n    except KeyError:\n        pass\n",
    "handler that fails": "def test_x():\n    try:\n        f()\n    except Exception:\n        pytest.fail('no')\n",
    "raise": "def test_x():\n    if f():\n        raise RuntimeError\n",
    "loop": "def test_x():\n    for one in f():\n        assert one\n",
    "inner function": "def test_x():\n    def inner():\n        assert f()\n    run(inner)\n",
    "hypothesis": "@given(st.integers())\ndef test_x(n):\n    assert f(n)\n",
    "client": "def test_x(client):\n    client.get('/').raise_for_status()\n",
    "compare with another": "def test_x():\n    a = f()\n    b = f()\n    assert a == b\n",
    "nan": "def test_x():\n    a = f()\n    assert a != a\n",
    "not python": "def test_x(:\n",
    "made elsewhere": "test_x = make()\n",
}


@pytest.mark.parametrize("name", HONEST)
def test_it_is_silent_where_a_test_can_fail(name):
    source = textwrap.dedent(HONEST[name]).encode()
    target = "TestX::test_x" if "class TestX" in HONEST[name] else "test_x"

    assert weakness(source, target) == ""


def test_a_patched_neighbour_is_not_the_subject():
    source = b"def test_x():\n    with patch('app.clock'):\n        assert f() == 1\n"

    assert weakness(source, "test_x", ["f"]) == ""
    assert "by a mock" in weakness(source, "test_x", ["clock"])


def test_setattr_counts_as_a_mock_of_the_subject():
    source = (
        b"def test_x(monkeypatch):\n    monkeypatch.setattr(app, 'login', fake)\n    assert app.login()\n"
    )

    assert "replaces login" in weakness(source, "test_x", ["login"])


def test_helpers_that_call_each_other_end():
    source = b"def a():\n    b()\n\ndef b():\n    a()\n\ndef test_x():\n    a()\n"

    assert weakness(source, "test_x") == "asserts nothing"
