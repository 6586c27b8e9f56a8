"""The few questions to a syntax tree that several checks ask."""

from __future__ import annotations

import ast
import functools


Function = ast.FunctionDef | ast.AsyncFunctionDef


def below(node: ast.AST) -> list[ast.AST]:
    """The node and all nodes below it, as ``ast.walk`` gives them, but no contexts, and sooner."""
    found = [node]
    for one in found:  # it grows while it is read
        for value in vars(one).values():
            if isinstance(value, list):
                found.extend([inner for inner in value if isinstance(inner, ast.AST)])
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                found.append(value)
    return found


@functools.lru_cache(maxsize=64)
def inside(function: Function) -> tuple[ast.AST, ...]:
    """The nodes of a function, itself first, kept for the several questions that are asked of it."""
    return tuple(below(function))


def dotted(node: ast.AST) -> list[str]:
    """``a.b.c`` of a name, an attribute or a call of one; empty for anything else."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Name):
            return [node.id, *reversed(parts)]
        else:
            return ["?", *reversed(parts)] if parts else []
