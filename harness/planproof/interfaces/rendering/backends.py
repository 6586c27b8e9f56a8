"""How the doctor's findings look, as text of 80 columns and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planproof.backends.doctor import Diagnosis, Look, State
from planproof.backends.model import Backend, BackendKind
from planproof.interfaces.rendering.paint import WIDTH, for_stream


if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.text import Text


SIGNS = {
    State.READY: ("✓", "green"),
    State.FETCHABLE: ("↓", "yellow"),
    State.MISSING: ("✗", "red"),
    State.OFF: ("·", "dim"),
}
INDENT = 12


def address(backend: Backend) -> str:
    """The address as the environment variable of its kind takes it."""
    if backend.kind is BackendKind.DYNAMODB:
        return backend.url.replace("dynamodb://", "http://", 1)
    return backend.url


def as_json(diagnoses: Iterable[Diagnosis]) -> dict[str, Any]:
    """The versioned form; ``schemas/backends.schema.json`` describes it."""
    return {"schema": 1, "backends": [_one(diagnosis) for diagnosis in diagnoses]}


def _one(diagnosis: Diagnosis) -> dict[str, Any]:
    used = diagnosis.used
    return {
        "kind": str(diagnosis.kind),
        "available": used is not None,
        "source": used.source if used else None,
        "version": diagnosis.version or None,
        "tried": [
            {
                "source": look.source,
                "state": str(look.state),
                "message": look.message,
                "remedy": look.remedy or None,
            }
            for look in diagnosis.looks
        ],
        "install": [] if used else remedies(diagnosis),
    }


def remedies(diagnosis: Diagnosis) -> list[str]:
    """What would help, once each, in the order of the rungs."""
    return list(dict.fromkeys(look.remedy for look in diagnosis.looks if look.remedy))


def show(diagnoses: Iterable[Diagnosis]) -> None:
    """Print the findings; colour only helps, and NO_COLOR goes before FORCE_COLOR."""
    import click
    from rich.console import Console

    painted = for_stream().on
    console = Console(
        width=WIDTH,
        highlight=False,
        emoji=False,
        force_terminal=painted,
        color_system="standard" if painted else None,
    )
    with console.capture() as captured:
        for diagnosis in diagnoses:
            for text in _lines(diagnosis):
                console.print(text, overflow="fold")
    click.echo(captured.get(), nl=False, color=painted)


def _lines(diagnosis: Diagnosis) -> Iterator[Text]:
    from rich.text import Text

    used = diagnosis.used
    head = Text(f"{diagnosis.kind:<{INDENT}}", style="bold")
    if used is None:
        yield head.append("not to be had here", style="red")
    else:
        how = "in this process" if used.source == "embedded" else f"by {used.source}"
        head.append(" ".join(filter(None, (diagnosis.version, how))), style="green")
        yield head
    if len(diagnosis.looks) == 1:
        return
    for look in diagnosis.looks:
        yield from _look(look)
    if used is None:
        for remedy in remedies(diagnosis):
            yield from _wrapped(Text("→ ", style="cyan"), remedy)


def _look(look: Look) -> Iterator[Text]:
    from rich.text import Text

    sign, style = SIGNS[look.state]
    yield from _wrapped(Text(f"{sign} ", style=style).append(f"{look.source:<{INDENT}}"), look.message)


def _wrapped(head: Text, body: str) -> Iterator[Text]:
    """``head`` and ``body`` indented, broken between words; continuation lines stand below the body."""
    import textwrap

    from rich.text import Text

    lines = textwrap.wrap(body, WIDTH - INDENT - len(head), break_on_hyphens=False) or [""]
    yield Text(" " * INDENT).append_text(head).append(lines[0])
    for line in lines[1:]:
        yield Text(" " * (INDENT + len(head)) + line)
