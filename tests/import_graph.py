"""Who imports whom in the package, read from the sources: nothing is executed."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "captcha_ocr"
TESTS = Path(__file__).parent
SOURCE = Path(__file__).parents[1] / "full-pipeline" / PACKAGE
# Test files that need one of these are left out where it is not installed.
LEAVING_OUT = ("torch", "matplotlib", "onnx", "pyarrow", "yaml")
SCRIPTS = Path(__file__).parents[1] / "scripts"  # on the path of pytest too


@functools.cache
def modules() -> dict[str, Path]:
    """Dotted name -> file, for every module of the package."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, package: str = "") -> set[str]:
    """Names that a file imports when it is imported itself: not those inside functions.

    ``package`` is the one the file belongs to, for relative imports. ``from a import b`` gives
    ``a`` and ``a.b``: which of them is a module, the reader of the result decides.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return {name for node in _executed(tree) for name in _names(node, package)}


@functools.cache
def graph() -> dict[str, set[str]]:
    """Module of the package -> what it imports, ours and others'."""
    found = {}
    for name, path in modules().items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        found[name] = imports(path, package) - {name}
    return found


def reachable(names: set[str]) -> set[str]:
    """Everything that gets imported with ``names``; a package's __init__ comes with its modules."""
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting += graph().get(name, ())
        waiting += [name.rpartition(".")[0]] if "." in name else []
    return seen


@functools.cache
def needed(path: Path) -> set[str]:
    """All that importing a test file imports, through its neighbours and ours."""
    names: set[str] = set()
    files = [path]
    for file in files:  # grows while it is walked
        found = imports(file)
        names |= found
        folders = (file.parent, TESTS, SCRIPTS)
        beside = {folder / f"{name}.py" for folder in folders for name in found}
        files += sorted(other for other in beside.difference(files) if other.is_file())
    return reachable(names)


def _executed(tree: ast.AST) -> Iterator[ast.stmt]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _executed(node)


def _names(node: ast.stmt, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*parents, base] if base else parents)
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)
