"""Frozen nouns that are made quickly are the same nouns, and as frozen."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, astuple, dataclass, replace

import pytest

from sessionkeeper.drafts import changer_of, maker_of


@dataclass(frozen=True, slots=True)
class Cat:
    name: str
    lives: int = 9


make, change = maker_of(Cat), changer_of(Cat)


def test_what_is_made_is_what_the_class_makes():
    tom = make("Tom", 8)
    assert (type(tom), tom, hash(tom)) == (Cat, Cat("Tom", 8), hash(Cat("Tom", 8)))
    with pytest.raises(FrozenInstanceError):
        tom.lives = 7


def test_a_change_makes_another_one_and_leaves_the_first():
    tom = Cat("Tom")
    fallen = change(tom, lives=8)
    assert (fallen, astuple(tom)) == (replace(tom, lives=8), ("Tom", 9))
    with pytest.raises(FrozenInstanceError):
        fallen.lives = 7


def test_what_is_no_value_of_the_noun_is_refused():
    with pytest.raises(AttributeError):
        change(Cat("Tom"), lifes=8)
    with pytest.raises(TypeError):
        make("Tom")
