"""JSON that is written piece by piece is the JSON that is written at once."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from planproof.interfaces.rendering import json_stream
from planproof.interfaces.rendering.json_stream import Rows, echo, pieces


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.text(max_size=4)


@st.composite
def documents(draw, depth=2):
    """A document with rows, and the same with lists."""
    lazy, whole = {}, {}
    for name in draw(st.lists(NAMES, max_size=4, unique=True)):
        if depth and draw(st.booleans()):
            rows = [
                draw(documents(depth=depth - 1)) if draw(st.booleans()) else (one, one)
                for one in draw(st.lists(PLAIN, max_size=3))
            ]
            lazy[name] = Rows(row[0] for row in rows)
            whole[name] = [row[1] for row in rows]
        else:
            lazy[name] = whole[name] = draw(PLAIN)
    return lazy, whole


@given(documents())
def test_pieces_are_what_json_would_write(document):
    lazy, whole = document

    assert "".join(pieces(lazy)) == json.dumps(whole, ensure_ascii=False, indent=2)


def test_a_long_document_is_written_in_chunks_and_rows_are_made_as_they_are_written(capsys, monkeypatch):
    monkeypatch.setattr(json_stream, "CHUNK", 50)
    written = []

    def rows():
        for number in range(40):
            written.append(len(capsys.readouterr().out))
            yield {"number": number, "text": "→"}

    echo({"schema": 1, "rows": Rows(rows()), "end": []})
    assert sum(map(bool, written)) > 5
    assert capsys.readouterr().out.endswith('  ],\n  "end": []\n}\n')
