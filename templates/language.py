"""The small template language of the packs: values, conditions, loops and a few filters of Jinja2, sandboxed.

Pack authors are trusted to write prompts, not to write programs: there are no calls, assignments, macros or
includes, loops nest at most twice and run over product facts, and what a template makes is bounded. Facts are
only ever values: nothing in them is compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_SOURCE = 8_000
MAX_OUTPUT = 20_000
MAX_LOOP_DEPTH = 2
MAX_SEPARATOR = 20

_FILTERS = ("lower", "upper", "title", "capitalize", "trim", "first", "last", "default", "length", "items", "sort")
_TESTS = ("defined", "undefined", "in", "equalto", "==", "!=", "eq", "ne", "gt", "ge", "lt", "le")
_ALLOWED_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.CondExpr, nodes.For,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Filter, nodes.Test, nodes.Getattr,
    nodes.Getitem, nodes.Tuple, nodes.List, nodes.Concat, nodes.Keyword,
)  # fmt: skip


class Options(dict[str, str]):
    """A product's options. Which ones exist differs from product to product, so a missing one is empty, not a
    mistake; letter case does not matter ("color" finds "Color")."""

    def value(self, name: object) -> str:
        """The value of the option called `name`, or ""."""
        wanted = str(name).casefold()
        return next((value for key, value in self.items() if key.casefold() == wanted), "")


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2 cut down to what prompts need. Raises TemplateSyntaxError or SecurityError on anything more."""

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in _FILTERS} | {"join": _join}
        self.tests = {name: self.tests[name] for name in _TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`, where `obj` holds named values or is the loop; never a Python attribute or method."""
        if isinstance(obj, LoopContext):
            return super().getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]` of a mapping or a list."""
        if isinstance(obj, Options):
            return obj.value(argument)
        if isinstance(obj, Mapping) and argument in obj:
            return obj[argument]
        if isinstance(obj, list | tuple) and isinstance(argument, int):
            return obj[argument] if -len(obj) <= argument < len(obj) else self.undefined(obj=obj, name=str(argument))
        return self.undefined(obj=obj, name=argument)

    def compiled(self, source: str) -> Template:
        """The template of `source`."""
        if len(source) > MAX_SOURCE:
            raise TemplateSyntaxError(f"longer than {MAX_SOURCE:,} characters", 1)
        try:
            tree = self.parse(source)
            _check(tree, 0)
            return self.from_string(tree)
        except RecursionError as error:
            raise TemplateSyntaxError("it is nested too deeply", 1) from error


def render(template: Template, values: Mapping[str, Any]) -> str:
    """The text that `template` makes of `values`, lines tidied, empty lines left out.

    Raises TemplateError (StrictUndefined's UndefinedError and SecurityError are kinds of it), and TypeError
    for an operation that its values do not support.
    """
    pieces: list[str] = []
    size = 0
    for piece in template.generate(values):
        size += len(piece)
        if size > MAX_OUTPUT:
            raise SecurityError(f"the template makes more than {MAX_OUTPUT:,} characters")
        pieces.append(piece)
    lines = (" ".join(line.split()) for line in "".join(pieces).splitlines())
    return "\n".join(line for line in lines if line)


def problem_of(error: TemplateError | TypeError) -> str:
    """What is wrong, in one line."""
    return (error.message if isinstance(error, TemplateError) else None) or str(error)


def _join(values: Iterable[object], separator: str = "") -> str:
    """Jinja's `join`, for lists only and with a short separator, so that it cannot make texts explode."""
    if isinstance(values, str) or len(separator) > MAX_SEPARATOR:
        raise SecurityError(f"join takes a list and a separator of at most {MAX_SEPARATOR} characters")
    return separator.join(str(value) for value in values)


def _check(node: nodes.Node, depth: int) -> None:
    if not isinstance(node, _ALLOWED_NODES):
        raise TemplateSyntaxError(f"{type(node).__name__} is not part of the prompt language", node.lineno)
    if isinstance(node, nodes.For):
        depth += 1
        if depth > MAX_LOOP_DEPTH or node.recursive:
            raise TemplateSyntaxError(f"loops may be nested at most {MAX_LOOP_DEPTH} deep", node.lineno)
    for child in node.iter_child_nodes():
        _check(child, depth)
