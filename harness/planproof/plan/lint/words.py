"""Words of plans: stems, names in code, and what is too common to mean anything.

A stemmer of this size is wrong now and then; rules that build on words therefore ask for several that
agree, or for names in code, and say so by their confidence.
"""

from __future__ import annotations

import re
from functools import lru_cache


# What is left of a word is at least so long.
SHORTEST = 3
WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
CODE_SPAN = re.compile(r"`([^`\n]+)`")
CAMEL_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+|[0-9]+")
CAMEL = re.compile(r"\b(?:[A-Z][a-z0-9]+){2,}[A-Z]?\b|\b[A-Z]{2,}[a-z]+[A-Z]\w*\b")
SNAKE = re.compile(r"\b[A-Za-z]\w*_\w+\b")
STOP = frozenset(
    [
        "a",
        "about",
        "above",
        "across",
        "after",
        "again",
        "all",
        "also",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "back",
        "based",
        "be",
        "been",
        "before",
        "being",
        "below",
        "between",
        "both",
        "but",
        "by",
        "can",
        "could",
        "do",
        "does",
        "done",
        "each",
        "either",
        "else",
        "ensure",
        "etc",
        "every",
        "exactly",
        "for",
        "from",
        "full",
        "further",
        "get",
        "has",
        "have",
        "having",
        "how",
        "if",
        "in",
        "including",
        "into",
        "is",
        "it",
        "its",
        "itself",
        "just",
        "keep",
        "kept",
        "let",
        "like",
        "made",
        "make",
        "makes",
        "many",
        "may",
        "more",
        "most",
        "must",
        "need",
        "needs",
        "new",
        "no",
        "non",
        "not",
        "now",
        "of",
        "off",
        "on",
        "once",
        "one",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "own",
        "per",
        "possible",
        "same",
        "see",
        "set",
        "shall",
        "should",
        "since",
        "so",
        "some",
        "still",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "two",
        "under",
        "until",
        "up",
        "upon",
        "us",
        "use",
        "used",
        "uses",
        "using",
        "various",
        "via",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "whether",
        "which",
        "while",
        "who",
        "will",
        "with",
        "within",
        "without",
        "would",
        "yet",
        "you",
        "your",
        "add",
        "added",
        "adding",
        "create",
        "created",
        "creating",
        "implement",
        "implemented",
        "implementing",
        "implementation",
        "define",
        "defined",
        "update",
        "updated",
        "updating",
        "write",
        "build",
        "task",
        "tasks",
        "step",
        "steps",
        "phase",
        "user",
        "story",
        "stories",
        "file",
        "files",
        "function",
        "functions",
        "method",
        "methods",
        "class",
        "code",
        "module",
        "support",
        "properly",
        "correctly",
    ]
)

_ENDINGS = (
    "ations",
    "ation",
    "ities",
    "ments",
    "ment",
    "ness",
    "ings",
    "ing",
    "ions",
    "ion",
    "ies",
    "ied",
    "ers",
    "er",
    "ed",
    "es",
    "s",
    "y",
    "e",
)

# Words that mean one thing in plans about services.
SAME = {
    "end": "close", "terminat": "close", "finish": "close", "clos": "close", "stop": "close",
    "repeat": "again", "already": "again", "duplicat": "again", "twice": "again", "second": "again",
    "mismatch": "differ", "wrong": "differ", "different": "differ", "differ": "differ", "regenerat": "differ",
    "miss": "absent", "absent": "absent", "unknown": "absent", "notfound": "absent", "nonexistent": "absent",
    "delet": "remov", "destroy": "remov", "purg": "remov", "eras": "remov",
}  # fmt: skip


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A word's stem, lower case: ``retries`` and ``retrying`` give ``retr``."""
    low = word.lower()
    for ending in _ENDINGS:
        if (
            low.endswith(ending)
            and len(low) - len(ending) >= SHORTEST
            and not (ending == "s" and low.endswith("ss"))
        ):
            low = low[: len(low) - len(ending)]
            break
    if len(low) > SHORTEST and low[-1] == low[-2] and low[-1] not in "aeiouls":
        low = low[:-1]
    return low


def parts(name: str) -> list[str]:
    """The words inside a name: ``SessionLimitRaceError`` gives four, ``get_user`` two."""
    return [part for piece in WORD.findall(name.replace("_", " ")) for part in CAMEL_PARTS.findall(piece)]


def stems(text: str) -> set[str]:
    """Stems of the words that mean something; names in code are taken apart."""
    return {stem(word) for word in parts(text) if word.lower() not in STOP and len(word) > 1} - {""}


def concepts(text: str) -> set[str]:
    """Stems, with words that mean the same thing made one."""
    text = re.sub(r"\bnot[ _]?found\b|NotFound", " absent ", text)
    found = (SAME.get(word.lower()) or SAME.get(stem(word)) for word in parts(text))
    return stems(text) - SAME.keys() | {concept for concept in found if concept}


def names(text: str) -> set[str]:
    """Names in code: code spans that are one name, CamelCase and snake_case words."""
    found = {re.sub(r"\(.*\)$", "", span.strip()) for span in CODE_SPAN.findall(text)}
    found = {name for name in found if re.fullmatch(r"[@.]?[A-Za-z_][\w.]*", name)}
    return found | set(CAMEL.findall(text)) | set(SNAKE.findall(CODE_SPAN.sub(" ", text)))


def functions(text: str) -> set[str]:
    """Names that the text writes as calls: `` `evict()` ``."""
    return set(re.findall(r"`?([A-Za-z_][\w.]*)\([^()`\n]*\)", text))
