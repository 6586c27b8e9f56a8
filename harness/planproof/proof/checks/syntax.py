"""The few questions to a syntax tree that several checks ask."""

from __future__ import annotations

import ast


Function = ast.FunctionDef | ast.AsyncFunctionDef


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
