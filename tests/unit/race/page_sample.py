"""The eviction race as a history: two logins count five sessions and evict the same one."""

from __future__ import annotations

from planproof.race.checker import check
from planproof.race.history import History, Note, Operation, Outcome, SubOperation
from planproof.race.models import BoundedSessions


EVIL = "<script>document.title = 'taken'</script>"
START = 10**12


def moment(milliseconds):
    return START + int(milliseconds * 1e6)


def statements(*rows):
    return tuple(
        SubOperation("sql", text, moment(begin), moment(end), note) for begin, end, text, note in rows
    )


def login(number, client, begin, end, token, *rows):
    return Operation(
        number,
        client,
        "login",
        ("u1",),
        moment(begin),
        moment(end),
        Outcome.OK,
        token,
        subs=statements(*rows),
    )


def eviction_race(evil=""):
    """The history and its verdict; ``evil`` is put wherever text of the application is shown."""
    count, evict = (
        "SELECT count(*) FROM sessions WHERE user_id = 'u1'",
        "DELETE FROM sessions WHERE id = 's1'",
    )
    add = "INSERT INTO sessions (id, user_id) VALUES ('{}', 'u1')"
    ops = [
        login(
            n,
            "ann",
            2 * n,
            2 * n + 1.5,
            f"s{n + 1}",
            (2 * n + 0.2, 2 * n + 1, add.format(f"s{n + 1}"), "INSERT 0 1"),
        )
        for n in range(5)
    ]
    ops.append(
        login(
            5,
            "ann",
            11,
            17,
            "s6",
            (11.2, 12, count, "5"),
            (13, 14, evict, "DELETE 1"),
            (15, 16, add.format("s6"), "INSERT 0 1"),
        )
    )
    ops.append(
        login(
            6,
            "bob",
            11.5,
            17.5,
            "s7",
            (11.8, 12.2, count, "5"),
            (13.5, 14.5, evict, "DELETE 0"),
            (15.5, 16.5, add.format("s7"), "INSERT 0 1"),
        )
    )
    lost = f"OperationalError: server closed the connection{evil}"
    ops.append(
        Operation(7, "eve" + evil, "login", ("u1",), moment(9.7), moment(10.5), Outcome.INFO, error=lost)
    )
    listing = (18.1, 18.9, f"SELECT id FROM sessions WHERE user_id = 'u1'{evil}", f"6 rows{evil}")
    ops.append(
        Operation(
            8,
            "obs",
            "list",
            ("u1",),
            moment(18),
            moment(19),
            Outcome.OK,
            ("s2", "s3", "s4", "s5", "s6", "s7"),
            subs=statements(listing),
        )
    )
    notes = (
        Note(moment(10), "fault", f"connection killed before COMMIT{evil}", "eve" + evil),
        Note(moment(12.5), "fault", "pause of 2 ms", "bob", moment(14.4)),
    )
    meta = {
        "workload": f"tests/race/eviction.py:SessionLimit{evil}",
        "backend": "postgres 15.18",
        "seed": 7,
        "replay": f"planproof race replay 9f3c{evil}",
    }
    history = History.of(ops, notes=notes, meta=meta)
    return history, check(history, BoundedSessions(5))
