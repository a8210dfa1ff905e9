"""The way of a one-step dream through the code: files entered, frames at the gradient, and what is done more than once.

    python benchmarks/path.py [photo.jpg]

It runs `phosphene dream photo.jpg --octaves 1 --steps 1` in this process and watches each call. A file is entered when
one of its functions is called; what runs while a module is imported does not count. Frames are those of the package on
the stack when torch is asked for the gradient.
"""

import ast
import collections
import inspect
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType

import phosphene
from phosphene.cli import main

SOURCE = Path(phosphene.__file__).parent
COUNTED = {  # what should be done once for a run: its file and function
    "settings built": ("recipes/settings.py", "settings"),
    "settings checked": ("recipes/settings.py", "__post_init__"),
    "pictures loaded": ("images/reading.py", "load"),
    "networks loaded": ("networks/registry.py", "load"),
    "networks measured": ("features/activations.py", "_measured"),
}


def inside(frame: FrameType) -> str:
    """The file of a function's frame, below the package; empty for other code, and for modules and classes."""
    path = Path(frame.f_code.co_filename)
    if not frame.f_code.co_flags & inspect.CO_OPTIMIZED or not path.is_relative_to(SOURCE):
        return ""
    return path.relative_to(SOURCE).as_posix()


def importing(frame: FrameType | None) -> bool:
    """Whether a module of the package is being imported."""
    while frame is not None:
        if frame.f_code.co_name == "<module>" and Path(frame.f_code.co_filename).is_relative_to(SOURCE):
            return True
        frame = frame.f_back
    return False


class Watch:
    """What was entered and called."""

    def __init__(self) -> None:
        self.files, self.functions, self.counts = set(), set(), collections.Counter()
        self.changes, self.deepest, self.last = 0, [], ""

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and (file := inside(frame)) and not importing(frame):
            self.files.add(file)
            self.functions.add((file, frame.f_code.co_qualname))
            self.counts[file, frame.f_code.co_name] += 1
            self.changes += file != self.last
            self.last = file
        elif (
            event == "call"
            and frame.f_code.co_name == "grad"
            and frame.f_code.co_filename.endswith("autograd/__init__.py")
        ):
            self.deepest = max(self.deepest, stack(frame), key=len)


def stack(frame: FrameType | None) -> list[str]:
    """The package's frames, the innermost first."""
    found = []
    while frame is not None:
        if file := inside(frame):
            found.append(f"{file}:{frame.f_code.co_qualname}")
        frame = frame.f_back
    return found


def code_lines() -> tuple[int, int, int]:
    """Lines of the package, lines of code, and import lines among these."""
    lines = code = imports = 0
    for path in SOURCE.rglob("*.py"):
        text = path.read_text("utf-8")
        nodes = list(ast.walk(ast.parse(text)))
        documented = {
            line
            for node in nodes
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
            for line in range(node.lineno, node.end_lineno + 1)
        }
        imported = {
            line
            for node in nodes
            if isinstance(node, ast.Import | ast.ImportFrom)
            for line in range(node.lineno, node.end_lineno + 1)
        }
        rows = enumerate(text.splitlines(), 1)
        real = {row for row, line in rows if line.strip() and line.strip()[0] != "#" and row not in documented}
        lines, code, imports = lines + text.count("\n"), code + len(real), imports + len(real & imported)
    return lines, code, imports


def run(photo: Path, folder: Path) -> Watch:
    """A dream of a photograph under watch."""
    watch = Watch()
    words = ["dream", str(photo), "--octaves", "1", "--steps", "1", "-q", "-o", str(folder / "dream.png")]
    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        main(words)
    except SystemExit as end:
        if end.code:
            raise
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return watch


def packaged(folder: Path) -> Path:
    """A photograph that a package brings along."""
    import matplotlib.cbook

    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        (folder / "photo.jpg").write_bytes(file.read())
    return folder / "photo.jpg"


def show() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        watch = run(Path(sys.argv[1]) if len(sys.argv) > 1 else packaged(folder), folder)
    print(f"{len(watch.files)} files entered, {len(watch.functions)} functions, {watch.changes} changes of file")
    print(f"{len(watch.deepest)} frames at the gradient, the innermost first:")
    print("\n".join(f"  {each}" for each in watch.deepest))
    for name, where in COUNTED.items():
        print(f"{name}: {watch.counts[where]}")
    lines, code, imports = code_lines()
    print(f"{lines} lines in src, {code} of code, {imports / code:.1%} of them imports")
    print("\n".join(f"  {each}" for each in sorted(watch.files)))


if __name__ == "__main__":
    show()
