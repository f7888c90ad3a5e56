"""Rewrites tests such that operators, truth and calls go through the guard; lines stay the same."""

from __future__ import annotations

import ast
from types import CodeType
from typing import TypeVar

GUARD = "@guard"
"""What the guard is called in the tests' module: a name that no source can hold."""
_CALLER_MATTERS = frozenset({"dir", "eval", "exec", "globals", "locals", "super", "vars"})
"""Functions that look at who calls them."""
_Branch = TypeVar("_Branch", ast.If, ast.While, ast.IfExp, ast.Assert)
_Function = TypeVar("_Function", ast.FunctionDef, ast.AsyncFunctionDef)


def watched(source: str, filename: str) -> CodeType:
    """Compile tests such that the guard sees what they do with values."""
    tree = _Rewriter().visit(ast.parse(source, filename))
    return compile(ast.fix_missing_locations(tree), filename, "exec")


class _Rewriter(ast.NodeTransformer):
    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        names: list[ast.expr] = [_name_of(op) for op in node.ops]
        which = ast.Tuple(names, ast.Load())
        return _guarded(node, "compare", which, node.left, *node.comparators)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return _guarded(node, "operate", _name_of(node.op), node.left, node.right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not):
            node.operand = _truth(node.operand)
            return node
        # A negative number is no computation: patterns hold some.
        if isinstance(node.operand, ast.Constant):
            return node
        return _guarded(node, "operate", _name_of(node.op), node.operand)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        # The last one's truth is asked for by whoever takes the value.
        node.values = [*map(_truth, node.values[:-1]), node.values[-1]]
        return node

    def _branch(self, node: _Branch) -> ast.AST:
        self.generic_visit(node)
        node.test = _truth(node.test)
        return node

    visit_If = visit_While = visit_IfExp = visit_Assert = _branch  # noqa: N815

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        node.ifs = list(map(_truth, node.ifs))
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) or isinstance(node.slice, ast.Slice | ast.Tuple):
            return node
        return _guarded(node, "operate", ast.Constant("item"), node.value, node.slice)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in _CALLER_MATTERS:
            return node
        return _guarded(node, "call", node.func, *node.args, keywords=node.keywords)

    def visit_Match(self, node: ast.Match) -> ast.AST:
        # Patterns are no expressions to be rewritten.
        node.subject = _truth(self.visit(node.subject))
        for case in node.cases:
            case.guard = None if case.guard is None else _truth(self.visit(case.guard))
            case.body = [self.visit(statement) for statement in case.body]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        # Both, as a decorator may make another class of it.
        node.decorator_list = [_own(node), *node.decorator_list, _own(node)]
        return node

    def _function(self, node: _Function) -> ast.AST:
        # What stands behind a colon or an arrow is left as it is.
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        arguments = node.args
        arguments.defaults = [self.visit(each) for each in arguments.defaults]
        arguments.kw_defaults = [each and self.visit(each) for each in arguments.kw_defaults]
        node.body = [self.visit(statement) for statement in node.body]
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _function  # noqa: N815

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.value = node.value and self.visit(node.value)
        return node


def _name_of(operator: ast.AST) -> ast.Constant:
    return ast.Constant(type(operator).__name__.lower())


def _method(node: ast.AST, name: str) -> ast.expr:
    guard = ast.copy_location(ast.Name(GUARD, ast.Load()), node)
    return ast.copy_location(ast.Attribute(guard, name, ast.Load()), node)


def _guarded(
    node: ast.expr, name: str, *args: ast.expr, keywords: list[ast.keyword] | None = None
) -> ast.expr:
    call = ast.Call(_method(node, name), list(args), keywords or [])
    return ast.copy_location(call, node)


def _truth(node: ast.expr) -> ast.expr:
    return node if isinstance(node, ast.Constant) else _guarded(node, "truth", node)


def _own(node: ast.ClassDef) -> ast.expr:
    return _method(node, "own")
