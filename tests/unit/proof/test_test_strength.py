"""What a test's source says about whether it can fail; silence on everything that is not sure."""

import textwrap

import pytest

from planproof.proof.checks.strength import weakness


HONEST = {
    "builtin": """
        def test_x():
            assert len('a') == 1
    """,
    "raises": """
        def test_x():
            with pytest.raises(ValueError):
                f()
    """,
    "numpy style": """
        def test_x():
            np.testing.assert_allclose(f(), 1)
    """,
    "unittest": """
        class TestX:
            def test_x(self):
                self.assertEqual(f(), 1)
    """,
    "helper method": """
        class TestX:
            def look(self):
                assert f()
            def test_x(self):
                self.look()
    """,
    "imported helper": """
        from tests.helpers import look

        def test_x():
            look(f())
    """,
    "unknown decorator": """
        @scenario('a.feature', 'b')
        def test_x():
            pass
    """,
    "mock given to the subject": """
        def test_x():
            m = Mock()
            f(m)
            m.save.assert_called_once()
    """,
    "mock beside the subject": """
        def test_x():
            m = Mock()
            assert f(m) == m
    """,
    "patched neighbour": """
        def test_x():
            with patch('app.clock') as c:
                f()
            c.assert_called_once()
    """,
    "try with a specific error": """
        def test_x():
            try:
                assert f()
            except KeyError:
                pass
    """,
    "handler that fails": """
        def test_x():
            try:
                f()
            except Exception:
                pytest.fail('no')
    """,
    "raise": """
        def test_x():
            if f():
                raise RuntimeError
    """,
    "loop": """
        def test_x():
            for one in f():
                assert one
    """,
    "inner function": """
        def test_x():
            def inner():
                assert f()
            run(inner)
    """,
    "hypothesis": """
        @given(st.integers())
        def test_x(n):
            assert f(n)
    """,
    "client": """
        def test_x(client):
            client.get('/').raise_for_status()
    """,
    "compare with another": """
        def test_x():
            a = f()
            b = f()
            assert a == b
    """,
    "nan": """
        def test_x():
            a = f()
            assert a != a
    """,
    "not python": """
        def test_x(:
    """,
    "made elsewhere": """
        test_x = make()
    """,
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
