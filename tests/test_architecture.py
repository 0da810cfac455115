"""The house rules that a machine can check: floors, file lengths, public names, and no back doors."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "src" / "ranvier"
CONTRIBUTING = ROOT.parent.parent / "CONTRIBUTING.md"
FILES = sorted(ROOT.rglob("*.py"))
LONGEST = 420

# Each folder (or module) of the package with its floor. Siblings on a floor do not import each other, but for those
# that `ALLOWED` names.
FLOORS = {
    "core": 0,
    "ops": 1,
    "activations": 2, "initializers": 2, "regularizers": 2, "constraints": 2,
    "layers": 3, "losses": 3, "metrics": 3, "optimizers": 3,
    "data": 4, "datasets": 4, "tools": 4, "files": 4, "graph": 4,
    "training": 5,
    "inspect": 6,
    "models": 7,
    "applications": 8, "wrappers": 8, "distillation": 8, "tuning": 8,
    "compat": 9,
    "cli": 10,
}  # fmt: skip
# What a reader of CONTRIBUTING.md is told of each floor; `python tests/test_architecture.py` writes the table there.
KNOWS = [
    "variables, the pure bridge, ownership, configuration, dtypes, seeds, errors",
    "functions of tensors, real and symbolic; how they are computed",
    "small functions and objects that layers take",
    "the parts of networks and of training",
    "data on its way in, files, and models as graphs of named operations",
    "state, programs, the loop, callbacks",
    "the glass box, pictures, the page",
    "`Sequential`, functional models, `Model`, `summary`",
    "whole architectures, and what trains or wraps models",
    "other names for it all: `keras`, `tensorflow`",
    "commands",
]
ALLOWED = {("tools", "data"), ("tools", "files"), ("datasets", "tools"), ("datasets", "files")}
# Thin modules of public names over the floors; nothing below imports them.
FACADES = {
    "__init__", "__main__", "backend", "callbacks", "config", "distribution", "dtype_policies", "legacy", "mixed_precision", "plot",
    "preprocessing", "random",
    "saving", "tree", "utils", "visualization",
}  # fmt: skip


def _home(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def _imports(path: Path) -> list[tuple[str, int]]:
    """The package's own modules that a file imports, also inside functions, with line numbers."""
    package = ["ranvier", *path.relative_to(ROOT).parts[:-1]]
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names if alias.name.split(".")[0] == "ranvier"]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1]
                module = ".".join([*base, *([node.module] if node.module else [])])
            else:
                module = node.module or ""
            if module == "ranvier":
                found += [(f"ranvier.{alias.name}", node.lineno) for alias in node.names]
            elif module.startswith("ranvier."):
                found.append((module, node.lineno))
    return found


def floors_table() -> str:
    """The floors as CONTRIBUTING.md shows them."""
    rows = ["| floor | folders | what they know |", "| --- | --- | --- |"]
    for floor, knows in enumerate(KNOWS):
        homes = ", ".join(f"`{home}`" for home in sorted(FLOORS) if FLOORS[home] == floor)
        rows.append(f"| {floor} | {homes} | {knows} |")
    return "\n".join(rows) + "\n"


def test_the_reader_is_told_the_floors_that_are_held():
    assert floors_table() in CONTRIBUTING.read_text(), "run python tests/test_architecture.py"


def test_every_folder_has_a_floor():
    homes = {_home(path) for path in FILES}
    assert homes <= set(FLOORS) | FACADES, "give the new folder a floor in FLOORS"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path: Path):
    home = _home(path)
    if home in FACADES:
        return
    for module, line in _imports(path):
        other = module.partition(".")[2].partition(".")[0]
        if other == home or (home, other) in ALLOWED:
            continue
        if home == "compat" and other not in FLOORS:
            continue  # it gives the public names, which the facades hold, other names
        assert other not in FACADES, f"{path.name}:{line} imports {module}, a facade above it"
        assert FLOORS[other] < FLOORS[home], (
            f"{path.name}:{line}: {home} (floor {FLOORS[home]}) imports {module} (floor {FLOORS[other]})"
        )


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_can_be_held_in_the_head(path: Path):
    lines = path.read_text().splitlines()
    code = [line for line in lines if line.strip()]
    is_list_of_names = path.name == "__init__.py"
    assert is_list_of_names or len(code) <= LONGEST, f"{len(code)} lines that are not blank; at most {LONGEST}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_public_names_are_listed(path: Path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "a module begins with what it is for"
    defined, listed = set(), None
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            defined.add(node.name)
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(getattr(t, "id", "") == "__all__" for t in targets) and isinstance(node.value, ast.List):
            listed = {ast.literal_eval(e) for e in node.value.elts if isinstance(e, ast.Constant)}
    if path.name == "__init__.py" and not defined and listed is None:
        return
    assert listed is not None, "__all__ is missing"
    helpers = {"in_tiles", "tiles_of", "by_groups"}  # used by one neighbour, not public
    assert defined - listed - helpers == set() or path.parent.name not in ("layers", "losses", "metrics", "optimizers")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_back_doors(path: Path):
    if path == ROOT / "__init__.py":
        return  # loads its own submodules on first use
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if path.name == "py_dataset.py" and name == "pickle.loads":
                continue  # a spawned worker reads what its own parent process sent, never a file
            assert name not in ("eval", "exec", "__import__", "pickle.load", "pickle.loads"), (
                f"line {node.lineno}: {name}"
            )
            assert not name.endswith("import_module"), f"line {node.lineno}: {name}"


def test_public_names_exist():
    import ranvier

    for name in ranvier.__all__:
        module = getattr(ranvier, name)
        for inner in (
            getattr(module, "__all__", ()) if hasattr(module, "__path__") or hasattr(module, "__file__") else ()
        ):
            assert getattr(module, inner) is not None


if __name__ == "__main__":
    before, _, rest = CONTRIBUTING.read_text().partition("| floor |")
    CONTRIBUTING.write_text(before + floors_table() + "\n" + rest.partition("\n\n")[2])
