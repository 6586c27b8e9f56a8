"""Which dialects there are: ours, and those that installed packages add."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from planproof.errors import ConfigError


if TYPE_CHECKING:
    from planproof.plan.reading.dialect import Dialect


GROUP: Final = "planproof.dialects"
"""Entry point group; each entry names a subclass of :class:`planproof.plan.reading.dialect.Dialect`."""


@cache
def built_in() -> tuple[Dialect, ...]:
    """Our dialects in the order in which they are asked."""
    from planproof.plan.reading.dialects.module_todo import ModuleTodo
    from planproof.plan.reading.dialects.plain import Plain
    from planproof.plan.reading.dialects.spec_lists import SpecLists
    from planproof.plan.reading.dialects.summary import Summary
    from planproof.plan.reading.dialects.task_headings import TaskHeadings
    from planproof.plan.reading.dialects.tasks import Tasks
    from planproof.plan.reading.dialects.work_plan import WorkPlan

    return (Tasks(), WorkPlan(), TaskHeadings(), SpecLists(), Summary(), ModuleTodo(), Plain())


@cache
def installed() -> tuple[Dialect, ...]:
    """Dialects of installed packages, by name; they are asked before ours.

    Raises:
        ConfigError: an entry point cannot be loaded or is no dialect.
    """
    from importlib.metadata import entry_points

    return tuple(_load(entry) for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name))


def _load(entry: object) -> Dialect:
    from planproof.plan.reading.dialect import Dialect

    name = getattr(entry, "name", "?")
    try:
        made = entry.load()()  # type: ignore[attr-defined]
    except Exception as error:
        raise ConfigError(f"the dialect {name!r} cannot be loaded: {error}") from error
    if not isinstance(made, Dialect) or not made.name:
        raise ConfigError(f"the entry point {name!r} in {GROUP} is no dialect with a name")
    return made
