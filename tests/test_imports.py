"""Who may import whom. The rule is data; the imports are read from the sources, lazy ones too."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEAVES = ("connectors", "templates")

# Inside plugin: a room imports rooms of lower ranks only. Modules of one room may import each other.
RANKS: tuple[tuple[str, ...], ...] = (
    ("schedules", "health", "disk"),
    ("config", "secrets", "listener", "links", "clock"),
    ("callbacks",),
    ("models", "hebo", "pictures"),
    ("money", "ledger", "reconcile", "activity", "stored"),
    ("accounts",),
    ("instances", "data_folder", "machine_clock"),
    ("backup",),
    ("pipeline",),
    ("doctor",),
    ("web", "scheduler", "sandbox"),
    ("demo",),
    ("plugin", "cli"),  # create_app() and the command line: the only two that see everything
)
# Inside plugin.pipeline, whose rooms are the steps of the walk, the same. Its own modules are in one of these too.
STEPS: tuple[tuple[str, ...], ...] = (
    ("pauses", "sessions", "workers"),
    ("parts",),
    ("lane", "exclude", "vault", "due", "publications"),
    ("away", "include", "stores"),
    ("review", "stops", "reading"),
    ("submitting",),
    ("views", "image_api", "standing"),
    ("quota", "planning"),
    ("polling", "publishing"),
    ("retention", "takeover"),
    ("run",),
)
# Modules that belong to a room without being a package with it.
ROOMS = {"db": "models", "schema": "models", "states": "models", "migrations": "models", "__main__": "cli"}
# Rooms that may import less than their rank allows.
ONLY = {"sandbox": {"listener"}}
# What is imported from above by exception: room → who may.
FROM_ABOVE = {"plugin": {"demo", "cli"}, "cli": set[str]()}

RANK = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}
STEP = {step: rank for rank, steps in enumerate(STEPS) for step in steps}


def sources(root: Path) -> dict[str, Path]:
    """Every module of the program by its dotted name."""
    found = {}
    for package in ("plugin", *LEAVES):
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, module: str) -> Iterator[str]:
    """What a module imports, as dotted names; `from x import y` gives x.y."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def room(name: str, modules: Mapping[str, Path]) -> str:
    """The room of a dotted name in plugin; a name that plugin itself defines is in the room "plugin"."""
    parts = name.split(".")
    if len(parts) == 1:
        return "plugin"
    known = parts[1] in RANK or parts[1] in ROOMS or ".".join(parts[:2]) in modules
    return ROOMS.get(parts[1], parts[1]) if known else "plugin"


def top(name: str) -> str:
    return name.partition(".")[0]


def complaint(module: str, name: str, modules: Mapping[str, Path]) -> str | None:
    """What is wrong with `module` importing `name`, if anything."""
    package, target = top(module), top(name)
    if target not in ("plugin", *LEAVES):
        return None
    if package in LEAVES or target in LEAVES:
        allowed = package in (target, "plugin")
        return None if allowed else f"{module} imports {name}: {package} is a leaf package"
    here, there = room(module, modules), room(name, modules)
    if here == there or here in FROM_ABOVE.get(there, ()):
        return step_complaint(module, name) if here == "pipeline" else None
    if RANK[here] <= RANK[there]:
        return f"{module} imports {name}: {there} is not below {here}"
    if there not in ONLY.get(here, {there}):
        return f"{module} imports {name}: {here} may import only {', '.join(sorted(ONLY[here]))}"
    return None


def step_complaint(module: str, name: str) -> str | None:
    """The same inside of plugin.pipeline."""
    here, there = (dotted.split(".")[2] if dotted.count(".") >= 2 else "" for dotted in (module, name))
    if here == there or not here or STEP.get(here, -1) > STEP.get(there, len(STEPS)):
        return None
    return f"{module} imports {name}: {there} is not below {here} (see STEPS in {__name__})"


def violations(root: Path) -> list[str]:
    modules = sources(root)
    homeless = {f"{name}: give its room a rank in {__name__}" for name in modules if is_homeless(name, modules)}
    found = (
        complaint(module, name, modules)
        for module, path in modules.items()
        if not is_homeless(module, modules)
        for name in imports(path, module)
        if not is_homeless(name, modules)
    )
    return sorted(homeless | {text for text in found if text})


def is_homeless(name: str, modules: Mapping[str, Path]) -> bool:
    return top(name) == "plugin" and room(name, modules) not in RANK


def test_imports_point_downwards() -> None:
    assert violations(ROOT) == []


def test_the_rule_looks_at_the_real_program() -> None:
    assert {"plugin", "plugin.config", "connectors.types", "templates"} <= sources(ROOT).keys()


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("plugin/hebo/client.py", "from plugin.pipeline import walk", "pipeline is not below hebo"),
        ("plugin/hebo/client.py", "def f():\n    import plugin.money", "money is not below hebo"),
        ("plugin/hebo/client.py", "from ..money import x", "money is not below hebo"),
        ("plugin/hebo/client.py", "from plugin import models", "models is not below hebo"),
        ("plugin/web/pages.py", "from plugin import create_app", "plugin is not below web"),
        ("plugin/web/pages.py", "from plugin import scheduler", "scheduler is not below web"),
        ("plugin/__init__.py", "from plugin import cli", "cli is not below plugin"),
        ("plugin/demo.py", "import plugin.cli", "cli is not below demo"),
        ("plugin/sandbox/hebo/server.py", "from plugin.config import x", "sandbox may import only listener"),
        ("plugin/sandbox/hebo/server.py", "from plugin.db import x", "sandbox may import only listener"),
        ("connectors/feed.py", "import plugin.config", "connectors is a leaf package"),
        ("connectors/feed.py", "from templates import PromptPack", "connectors is a leaf package"),
        ("templates/engine.py", "from connectors.types import Product", "templates is a leaf package"),
        ("plugin/pipeline/polling/x.py", "from plugin.pipeline import run", "run is not below polling"),
        ("plugin/pipeline/novelty/x.py", "from plugin.pipeline.parts import x", "parts is not below novelty"),
        ("plugin/novelty.py", "", "plugin.novelty: give its room a rank"),
    ],
)
def test_a_violation_is_found(tmp_path: Path, file: str, text: str, complaint: str) -> None:
    plant(tmp_path, file, text)
    (found,) = violations(tmp_path)
    assert complaint in found


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("plugin/__init__.py", "from plugin.web import x\nfrom plugin import scheduler"),
        ("plugin/__main__.py", "from plugin.cli import main"),
        ("plugin/cli.py", "from plugin import create_app\nimport plugin.demo, connectors, templates"),
        ("plugin/demo.py", "from plugin import create_app\nfrom plugin.sandbox import x"),
        ("plugin/web/pages.py", "from plugin.pipeline import x\nfrom . import forms\nfrom plugin import config"),
        ("plugin/sandbox/hebo/server.py", "from plugin.listener import x\nfrom plugin import listener"),
        ("plugin/db.py", "from plugin.models import x\nimport pluginlike"),
        ("connectors/feed.py", "from connectors.types import Product\nfrom . import types"),
    ],
)
def test_what_is_allowed_stays_so(tmp_path: Path, file: str, text: str) -> None:
    plant(tmp_path, file, text)
    assert violations(tmp_path) == []


def plant(root: Path, file: str, text: str) -> None:
    """One module in a tree of its own."""
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text)
