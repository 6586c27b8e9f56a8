"""The failure page: why a history is wrong, as one HTML file and as text for terminals and logs."""

from __future__ import annotations

from planproof.race.page.html import Seen, html_of
from planproof.race.page.text import text_of


__all__ = ["Seen", "html_of", "text_of"]
