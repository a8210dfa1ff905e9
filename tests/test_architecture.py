"""The import table of docs/explanation/architecture.md, held against the code."""

import ast
import re
from pathlib import Path

import pytest

import phosphene

SOURCE = Path(phosphene.__file__).parent
DOCUMENT = Path(__file__).parents[1] / "docs" / "explanation" / "architecture.md"

# Each room may import the rooms above it.
ROOMS = (
    "errors", "texts", "names", "startup",
    "pixels", "images", "records", "measures", "filters",
    "networks", "features", "objectives",
    "ascent",
    "recipes",
    "techniques",
    "run", "batch", "painting", "cluster", "reports", "films", "sessions",
    "studio", "plugins",
    "cli",
)  # fmt: skip

OTHERS = tuple(each for each in (SOURCE / "plugins").iterdir() if each.is_dir())  # they run in other programs
MODULES = sorted(
    path
    for path in SOURCE.rglob("*.py")
    if (path.parent != SOURCE or not path.name.startswith("__")) and not any(map(path.is_relative_to, OTHERS))
)


def room_of(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "phosphene" and rest.split(".")[0] not in ("", "__version__"):
                yield rest.split(".")[0]


def module_of(path):
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def imported_modules(path, known):
    """The modules that a file imports while it is loaded; names that a package hands on count as the package's."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("phosphene"):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else node.module


def test_no_circle_of_files():
    paths = {module_of(path): path for path in SOURCE.rglob("*.py")}
    left = {name: set(imported_modules(path, paths)) - {name} for name, path in paths.items()}
    while free := {name for name, needs in left.items() if not needs & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in free}
    assert not left, f"these import each other round about: {sorted(left)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_what_stands_above_it(path):
    room = room_of(path)
    above = ROOMS[: ROOMS.index(room) + 1]
    assert set(imported_rooms(path)) <= set(above)


def test_every_room_exists_and_is_described():
    assert {room_of(path) for path in MODULES} == set(ROOMS)
    text = DOCUMENT.read_text("utf-8")
    described = re.findall(r"^\| .*?\| `(\w+)/?`", text, re.MULTILINE)
    assert tuple(described) == ROOMS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_stay_readable(path):
    assert len(path.read_text("utf-8").splitlines()) <= 350


def catches_everything(handler):
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or ast.unparse(kind).split(".")[-1] in ("Exception", "BaseException", "FOREIGN_ERRORS", "caught")
        for kind in kinds
    )


def test_everything_is_caught_in_few_places():
    """At the edges, where errors become words and exit codes, and in `errors`, for code that is not ours."""
    found = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ExceptHandler) and catches_everything(node)
    ]
    for path in SOURCE.rglob("*.py"):
        assert not re.search(r"suppress\((Base)?Exception", path.read_text("utf-8")), path
    edges = ["cli/front.py", "cli/serve.py", "sessions/jobs.py", "sessions/jobs.py", "studio/answers.py"]
    edges += ["plugins/krita/phosphene_krita/docker.py"]
    assert sorted(found) == sorted([*edges, "errors.py", "errors.py", "networks/body.py"])


def test_public_names():
    assert phosphene.__all__ == sorted(phosphene.__all__)
    assert set(phosphene.__all__) <= set(dir(phosphene))
    for name in phosphene.__all__:
        assert getattr(phosphene, name).__doc__
    assert phosphene.Stop is phosphene.StopRequested
    with pytest.raises(AttributeError, match="no attribute 'paint'"):
        phosphene.paint  # noqa: B018


def test_the_library_is_silent():
    for path in MODULES:
        if room_of(path) != "cli":
            calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
            assert not any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls), path
