"""Tables of test forms, of which some show nothing: each row becomes a test with an item of its own."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass


@dataclass(frozen=True)
class Forms:
    """Rows by name.

    Bodies are those of a function, sources are whole tests with ``{name}`` and ``@proves`` in them; a row
    that is to be refused comes with the reason.
    """

    bodies: dict
    sources: dict
    honest: dict
    honest_sources: dict

    @property
    def refused(self):
        return {**self.bodies, **self.sources}

    @property
    def names(self):
        return [*self.refused, *self.honest, *self.honest_sources]

    def identifier(self, name):
        return f"T{self.names.index(name) + 101}"

    def boxes(self):
        return [f"[x] {self.identifier(name)} Let `login()` {name}" for name in self.names]

    def source(self, *head):
        """A test file of all rows, behind its head."""
        parts = list(head)
        for name, text in ({name: text for name, (text, _) in self.bodies.items()} | self.honest).items():
            parts.append(f"{self._mark(name)}\ndef test_{name}():\n{textwrap.indent(text, '    ')}\n")
        whole = {name: text for name, (text, _) in self.sources.items()} | self.honest_sources
        for name, text in whole.items():
            body = textwrap.dedent(text).replace("{name}", name)
            parts.append(body.replace("@proves", self._mark(name)))
        return "\n\n".join(parts)

    def _mark(self, name):
        return f'@pytest.mark.proves("demo:{self.identifier(name)}")'
