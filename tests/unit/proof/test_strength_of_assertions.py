"""What counts as an assertion that comes out the same in every run, and what does not."""

import ast

import pytest

from planproof.proof.checks.literals import is_constant


@pytest.mark.parametrize(
    "assertion",
    ["True", "1 == 1", "(1, 2) == (1, 2)", "x == x", "(x, 'message')", "x or 'message'", "not 0", "f'{x}'"],
)
def test_always_the_same(assertion):
    assert is_constant(ast.parse(assertion, mode="eval").body)


@pytest.mark.parametrize(
    "assertion",
    ["x", "(a, b) == (1, 2)", "[a] == [b]", "f'{x}' == 'y'", "x or None", "x == y", "f(x) == f(x)", "not x"],
)
def test_may_differ(assertion):
    assert not is_constant(ast.parse(assertion, mode="eval").body)
