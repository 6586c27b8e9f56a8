"""What words mean: states, effort, priority, paths, slugs. Every function is linear in its text."""

from __future__ import annotations

import re
from string import ascii_letters, digits
from typing import Final
from zlib import crc32

from planproof.plan.model import Claim


HOURS_A_DAY: Final = 8.0
HOURS_A_WEEK: Final = 40.0
SLUG_LENGTH: Final = 60
MAX_PATH: Final = 1024
MAX_ESTIMATE: Final = 40

_STATES: Final = (
    (
        Claim.SKIPPED,
        (
            "cancelled|canceled|skipped|dropped|reverted|obsolete|superseded|removed|won't do|wontfix"
            "|отменено|отменён|отменен|已取消|取消|中止"
        ),
    ),
    (Claim.DEFERRED, "deferred|postponed|on hold|parked|已推迟|推迟|отложено|отложен|后日実装|後日実装|延期"),
    (Claim.BLOCKED, "blocked|stuck|заблокировано|заблокирован|阻塞"),
    (Claim.PARTIAL, "partially|partial|mostly|to be verified|needs verification|pending verification"),
    (
        Claim.IN_PROGRESS,
        (
            "in progress|in-progress|in_progress|inprogress|wip|doing|started|ongoing|active"
            "|进行中|進行中|作業中"
            "|в работе|в процессе|قيد التنفيذ"
        ),
    ),
    (
        Claim.OPEN,
        "pending|to[ -]?do|planned|not[ _-](?:started|created)|open|ready|draft|specified|backlog|new|queued",
    ),
    (
        Claim.OPEN,
        (
            "incomplete|not complete|not done|未着手|未開始|未开始|待办|待开始|待处理"
            "|не начато|не сделано|не готово|запланировано|открыто"
        ),
    ),
    (
        Claim.DONE,
        (
            "completed?|done|verified|finished|implemented|closed|merged|shipped|resolved|passed|gotowe|已完成|完了|完成"
            "|готово|выполнено|сделано|завершено|مكتمل|تم"
        ),
    ),
)
_STATE_WORD: Final = re.compile(
    r"[\s*_`\[(:#-]*(?:"
    + "|".join(f"(?P<s{index}>{words})" for index, (_, words) in enumerate(_STATES))
    + r")"
    r"(?![A-Za-z])",
    re.IGNORECASE,
)
_BOX: Final = re.compile(r"\[([ xX])\]\s*")
_EMOJI: Final = {
    "✅": Claim.DONE,
    "✔": Claim.DONE,
    "☑": Claim.DONE,
    "✓": Claim.DONE,
    "❌": Claim.OPEN,
    "⬜": Claim.OPEN,
    "☐": Claim.OPEN,
    "⏳": Claim.OPEN,
    "📝": Claim.OPEN,
    "📋": Claim.OPEN,
    "🔲": Claim.OPEN,
    "🚧": Claim.IN_PROGRESS,
    "🔄": Claim.IN_PROGRESS,
    "⏸": Claim.DEFERRED,
    "⏭": Claim.SKIPPED,
    "🚫": Claim.BLOCKED,
    "⛔": Claim.BLOCKED,
}
CLAIMING: Final = frozenset("✅✔☑✓⏳🚧🔄⬜☐🔲")
"""Signs that make a plain bullet a claim when they lead it."""
_VARIATION: Final = "\ufe0e\ufe0f"
_PLAIN_ENDS: Final = frozenset(ascii_letters + digits + "`'\".,:;!?()[]")
"""What no emoji and no mark around one is."""
_SIGNS: Final = "".join(_EMOJI) + _VARIATION

_EFFORT: Final = re.compile(
    r"(?<![\w.])(\d{1,6}(?:\.\d{1,3})?)(?:\s*(?:-|–|—|to)\s*(\d{1,6}(?:\.\d{1,3})?))?\s*"
    r"(hours?|hrs?|h|minutes?|mins?|m|days?|d|weeks?|wks?|w)(?![A-Za-z])",
    re.IGNORECASE,
)
_EFFORT_MARKED: Final = re.compile(
    r"~[ \t]*(?=[0-9])|\b(?:effort|estimated?|est\.)[ \t]*:?[ \t]*~?[ \t]*(?=[0-9])", re.IGNORECASE
)
_EFFORT_SIGNS: Final = ("~", "effort", "estimate", "est.")
"""What ``_EFFORT_MARKED`` begins with."""
_CLOSERS: Final = frozenset(")]")
_EFFORT_LED: Final = re.compile(r"(?:est(?:imated?)?\.?:?|effort:?)?[ \t]*~?[ \t]*", re.IGNORECASE)
_UNIT_HOURS: Final = {"h": 1.0, "m": 1 / 60, "d": HOURS_A_DAY, "w": HOURS_A_WEEK}

_PRIORITY: Final = re.compile(
    r"\b(P[0-9])\b|\b(critical|highest|high|medium|low|lowest|must|should|could)\b", re.IGNORECASE
)
_PRIORITY_IN_HEADING: Final = re.compile(
    r"\((?:priority:?\s*)?(P[0-9])\b|\bpriority:?\s*(P[0-9])\b", re.IGNORECASE
)

_EXTENSIONS: Final = frozenset(
    [
        "py",
        "pyi",
        "ts",
        "tsx",
        "js",
        "jsx",
        "mjs",
        "cjs",
        "mts",
        "cts",
        "vue",
        "svelte",
        "go",
        "rs",
        "java",
        "kt",
        "kts",
        "scala",
        "rb",
        "php",
        "cs",
        "fs",
        "vb",
        "swift",
        "m",
        "mm",
        "c",
        "h",
        "cc",
        "cpp",
        "hpp",
        "cxx",
        "ex",
        "exs",
        "erl",
        "hs",
        "ml",
        "clj",
        "lua",
        "pl",
        "pm",
        "r",
        "jl",
        "dart",
        "sh",
        "bash",
        "zsh",
        "ps1",
        "bat",
        "sql",
        "md",
        "mdx",
        "rst",
        "txt",
        "json",
        "jsonl",
        "json5",
        "yaml",
        "yml",
        "toml",
        "ini",
        "cfg",
        "conf",
        "env",
        "lock",
        "xml",
        "html",
        "htm",
        "css",
        "scss",
        "sass",
        "less",
        "csv",
        "tsv",
        "proto",
        "graphql",
        "gql",
        "tf",
        "tfvars",
        "feature",
        "ipynb",
        "gradle",
        "properties",
        "cmake",
        "mk",
        "nix",
        "zig",
        "sol",
        "prisma",
        "hbs",
        "ejs",
        "j2",
        "jinja",
        "tmpl",
        "tpl",
        "template",
        "svg",
        "png",
        "csproj",
        "sln",
        "xaml",
        "plist",
        "pbxproj",
        "storyboard",
        "snap",
        "spec",
        "db",
        "sqlite",
        "dockerfile",
    ]
)
_NAMES: Final = frozenset(
    {"Makefile", "Dockerfile", "Jenkinsfile", "Procfile", "Gemfile", "Rakefile", "CODEOWNERS"}
)
_NAMED: Final = tuple(_NAMES)
_NAMED_BELOW: Final = re.compile(f"/(?:{'|'.join(_NAMED)})")
_EDGE_SIGNS: Final = "()[]{}<>,;:!?\"'*|“”‘’…"
_PATH: Final = re.compile(r"[\w.@+~/\\$\-{}<>*\[\]() ]+$")
_LINE_REFERENCE: Final = re.compile(r":L?\d+(?:[-:]\d+)?$|#L\d+(?:-L\d+)?$")

_SLUG_WORDS: Final = re.compile(r"[^\W_]+")
_SLUG_BYTES: Final = bytes(
    ord(chr(code).lower()) if chr(code).isascii() and chr(code).isalnum() else 32 for code in range(256)
)
_NOT_WORDS: Final = re.compile(r"^[\W_]+")
_LINKED: Final = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^()\n]{0,1000}\)")


def state_word(text: str) -> Claim | None:
    """The state that a text *begins* with, e.g. ``deferred (no time)``; None where it begins with none."""
    found = _STATE_WORD.match(text)
    if found is None:
        return None
    return _STATES[int((found.lastgroup or "s0")[1:])][0]


def may_show_emoji(text: str) -> bool:
    """Whether a status emoji may stand at the start or the end of a text; cheap."""
    return not (text[:1] in _PLAIN_ENDS and text[-1:] in _PLAIN_ENDS)


def emoji_claim(text: str) -> Claim | None:
    """What the status emoji at the start or the end of a text claims; the start wins."""
    bare = text.strip(" \t*_")
    if not bare:
        return None
    claim = _EMOJI.get(bare[0])
    if claim is None and not bare[-1].isalnum():
        claim = _EMOJI.get(bare.rstrip(_VARIATION)[-1:])
    return claim


def status_claim(value: str) -> Claim | None:
    """What the value of a status field claims: its emoji, then the words it begins with."""
    words = value.strip(" \t*_`")
    claim = state_word(words)
    if claim is not None:
        return claim
    box = _BOX.match(words)
    if box is not None:
        return state_word(words[box.end() :]) or (Claim.OPEN if box[1] == " " else Claim.DONE)
    return state_word(_NOT_WORDS.sub("", words)) or emoji_claim(words)


_KEYWORD: Final = re.compile(
    r"(TODO|DONE|WIP|DOING|NEXT|WAITING|BLOCKED|CANCELLED|CANCELED|DEFERRED|PENDING)(?::[ \t]*|[ \t]+)(?=\S)"
)
_KEYWORDS: Final = {"NEXT": Claim.OPEN, "WAITING": Claim.BLOCKED}


def keyword(text: str) -> str:
    """The word in capitals that a statement begins with, such as ``TODO`` or ``DONE``; "" where none does."""
    found = _KEYWORD.match(text)
    return found[1] if found is not None else ""


def keyword_claim(word: str) -> Claim | None:
    """What such a word claims."""
    return _KEYWORDS.get(word) or state_word(word)


def parse_effort(value: str) -> float | None:
    """Hours in an estimate: ``2h``, ``1h 30m``, ``2-3 days`` (the middle), ``1d`` (8 h), ``1w`` (40 h)."""
    total = 0.0
    seen = False
    for low, high, unit in _EFFORT.findall(value[:200]):
        amount = float(low) if not high else (float(low) + float(high)) / 2
        total += amount * _UNIT_HOURS[unit[0].lower()]
        seen = True
        if high:
            break
    return round(total, 4) if seen else None


def effort_in_text(text: str) -> float | None:
    """Hours in a statement such as ``Write it (2h)`` or ``... ~30m``; None where nothing marks an estimate.

    Marked is what stands alone in brackets at the end, or behind a tilde or the word effort.
    """
    if text[-1:] in _CLOSERS:
        inner = text[max(text.rfind("("), text.rfind("[")) + 1 : -1]
        if len(inner) <= MAX_ESTIMATE and (inner[:1].isdigit() or inner[:1] in "~eE"):
            led = _EFFORT_LED.match(inner)
            found = _EFFORT.match(inner, led.end() if led else 0)
            if found is not None and found.end() == len(inner):
                return parse_effort(found[0])
    if "~" in text or "ffort" in text or "stimate" in text or "est." in text:
        lower = small(text)
        begin = min((at for sign in _EFFORT_SIGNS if (at := lower.find(sign)) >= 0), default=len(text))
        marked = _EFFORT_MARKED.search(text, begin)
        found = _EFFORT.match(text, marked.end()) if marked else None
        return parse_effort(found[0]) if found else None
    return None


def priority_of(value: str) -> str | None:
    """``P0`` to ``P9``, or a word such as ``high``, from the value of a priority field."""
    found = _PRIORITY.search(value)
    if found is None:
        return None
    return found[1].upper() if found[1] else found[2].lower()


def heading_priority(text: str) -> str | None:
    """The priority in a heading such as ``Phase 3: Login (P1)``."""
    if "(P" not in text and "(p" not in text and "riority" not in text:
        return None
    found = _PRIORITY_IN_HEADING.search(text)
    return (found[1] or found[2]).upper() if found else None


def paths_in(text: str) -> tuple[str, ...]:
    """Paths that a text names, in order, once each: quoted in backticks or bare, never links or routes."""
    if "/" not in text and ("." not in text or ("`" not in text and text.find(".") == len(text) - 1)):
        return ()
    found: dict[str, None] = {}
    quoted = False
    for part in text.split("`"):
        if quoted and " " not in part:
            if "." in part or "/" in part or part.startswith(_NAMED):
                _add_path(part, found, quoted=True)
        elif "/" in part or "." in part:
            _bare_paths(part, found)
        quoted = not quoted
    return tuple(found)


def _bare_paths(text: str, found: dict[str, None]) -> None:
    at = text.find(".")
    while at >= 0 and not text[at + 1 : at + 2].isalnum():
        at = text.find(".", at + 1)
    if at < 0 and not ("/" in text and _NAMED_BELOW.search(text)):
        return
    for word in [word for word in text.split() if "." in word or "/" in word]:
        if "://" not in word:
            target = word[word.index("](") + 2 :].partition(")")[0] if "](" in word else word
            _add_path(target.strip(_EDGE_SIGNS).rstrip("."), found, quoted=False)


def _add_path(word: str, found: dict[str, None], *, quoted: bool) -> None:
    if ":" in word or "#" in word:
        if "://" in word:
            return
        word = _LINE_REFERENCE.sub("", word.partition("::")[0])
    stem, dot, extension = word.rpartition(".")
    if not (dot and extension.lower() in _EXTENSIONS):
        folder = quoted and word[-1:] == "/" and len(word) > 1 and word[0] != "/"
        if not (folder or word.rpartition("/")[2] in _NAMES):
            return
    if len(word) <= MAX_PATH and (stem or "/" in word or quoted) and _PATH.match(word):
        found[word] = None


def small(text: str) -> str:
    """A text with its letters small, as long as it was."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(letter.lower()[:1] for letter in text)


def small_latin(text: str) -> str:
    """A text with its Latin letters small and the others beyond recognition: to look for English words."""
    return text.lower() if text.isascii() else text.encode().lower().decode("latin-1")


def plain(text: str) -> str:
    """A text without links' targets and HTML comments."""
    if "<!--" in text:
        text = uncomment(text)
    if "](" in text:
        return _LINKED.sub(r"\1", text)
    return text


def uncomment(text: str) -> str:
    """A text without its HTML comments; one that nothing closes stays."""
    parts: list[str] = []
    at = 0
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin + 4)) >= 0:
        parts.append(text[at:begin].rstrip())
        at = end + 3
    return "".join([*parts, text[at:]]).strip() if parts else text


def slug(text: str) -> str:
    """A short name for a text, stable, made of its letters and digits; long ones end in a checksum."""
    if "<!--" in text or "](" in text:
        text = plain(text)
    if text.isascii():
        words = b"-".join(text.encode().translate(_SLUG_BYTES).split()).decode()
    else:
        words = "-".join(_SLUG_WORDS.findall(text.lower()))
    if len(words) <= SLUG_LENGTH:
        return words
    head = words[:SLUG_LENGTH].rpartition("-")[0] or words[:SLUG_LENGTH]
    return f"{head}-{crc32(words.encode()) & 0xFFFFFF:06x}"


def emoji_sign(text: str) -> str:
    """The status emoji at the start or the end of a text, "" where there is none."""
    bare = text.strip(" \t*_")
    if bare[:1] in _EMOJI:
        return bare[0]
    last = bare.rstrip(_VARIATION)[-1:]
    return last if last in _EMOJI else ""


def without_emoji(text: str) -> str:
    """A text without the status emoji at its start and its end."""
    return text.strip().lstrip(_SIGNS).rstrip(_SIGNS).strip()
