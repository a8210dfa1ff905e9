"""Plug-ins for other programs: where they are copied, and the client that starts the command for them."""

import ast
import json
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from phosphene.cli import main, plugins
from phosphene.plugins import client


@pytest.fixture
def says(tmp_path, monkeypatch):
    """Has the client start a program of ours in place of the command."""

    def says(source):
        program, words = tmp_path / "program.py", tmp_path / "command.json"
        program.write_text("import json, os, signal, sys, time\n" + source)
        words.write_text(json.dumps([sys.executable, str(program)]))
        monkeypatch.setattr(client, "WORDS", words)

    return says


def until(come_true):
    end = time.monotonic() + 20
    while not come_true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_krita_gets_the_plug_in_and_the_client(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main.main(["plugins", "krita", "--folder", str(tmp_path / "pykrita")])
    assert ended.value.code == 0
    package = tmp_path / "pykrita" / "phosphene_krita"
    assert (tmp_path / "pykrita" / "phosphene_krita.desktop").is_file()
    assert (package / "client.py").read_text() == (plugins.FILES / "client.py").read_text()
    told = json.loads((package / "command.json").read_text())
    version = subprocess.run([*told, "--version"], capture_output=True, text=True)
    assert version.stdout.startswith("phosphene")
    assert "Python Plugin Manager" in capsys.readouterr().err


def test_gimp_gets_a_program(tmp_path):
    with pytest.raises(SystemExit):
        main.main(["plugins", "gimp", "--folder", str(tmp_path)])
    program = tmp_path / "phosphene_gimp" / "phosphene_gimp.py"
    assert program.stem == program.parent.name  # GIMP wants it so
    assert program.stat().st_mode & 0o111
    assert (program.parent / "client.py").is_file()


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_pixels_become_a_png(tmp_path, channels, mode):
    data = np.random.default_rng(channels).integers(0, 256, (5, 7, channels), np.uint8)
    client.write_png(tmp_path / "a.png", 7, 5, channels, data.tobytes())
    with Image.open(tmp_path / "a.png") as read:
        assert (read.mode, read.size) == (mode, (7, 5))
        assert np.array_equal(np.asarray(read).reshape(5, 7, channels), data)


@pytest.mark.parametrize("kind", [*client.FLAGS])
@pytest.mark.parametrize("own", [None, "mine.jpg"])
@pytest.mark.parametrize("masked", [False, True])
def test_the_words_are_ones_that_the_command_takes(tmp_path, kind, own, masked, monkeypatch, capsys):
    """Each line is parsed by the program itself, which then refuses the picture that is not there."""
    monkeypatch.chdir(tmp_path)
    if masked:
        (tmp_path / "mask.png").write_bytes(b"")
    look = {"Dream": "coils", "Style": "woodcut", "Guide": "shells"}[kind]
    words = client.words(kind, look, client.STRENGTHS[kind][1], tmp_path, own)
    assert ("--mask" in words) == masked
    assert (own in words) == (own is not None and kind != "Dream")  # a preset is no picture
    with pytest.raises(SystemExit) as ended:
        main.main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "in.png" in said
    assert "option" not in said


def test_the_program_lists_its_looks_under_the_flags_that_the_client_asks_for(capsys):
    with pytest.raises(SystemExit):
        main.main(["looks", "--json"])
    flags = {each["flag"] for each in json.loads(capsys.readouterr().out)}
    assert set(client.FLAGS.values()) <= flags


def test_looks_are_told_by_what_can_be_done(says):
    rows = [
        {"flag": "--preset", "name": "coils"},
        {"flag": "style --filter", "name": "ink"},
        {"flag": "--guide", "name": "shells"},
    ]
    says(f"print(json.dumps({rows!r}))")
    assert client.looks() == {"Dream": ["coils"], "Style": ["ink"], "Guide": ["shells"]}


def test_a_folder_that_is_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(SystemExit) as ended:
        main.main(["plugins", "krita", "--folder", str(tmp_path / "a.txt")])
    assert ended.value.code == 2
    assert "--folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "path",
    [plugins.FILES / "client.py", *(plugins.FILES / "krita").rglob("*.py"), *(plugins.FILES / "gimp").rglob("*.py")],
    ids=lambda path: path.name,
)
def test_its_files_are_of_an_old_python_and_need_nothing_of_ours(path):
    """Krita 5 brings Python 3.8 to some systems."""
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 8))
    for node in ast.walk(tree):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        assert not [name for name in names if name.split(".")[0] in ("phosphene", "torch", "numpy", "PIL")]


def test_what_the_command_tells_is_read(says):
    says("print(json.dumps({'words': sys.argv[1:]}))")
    assert client.ask("looks") == {"words": ["looks", "--json"]}
    says("print('Error: there is no such thing.', file=sys.stderr); sys.exit(2)")
    with pytest.raises(client.Failure, match="there is no such thing"):
        client.ask("looks")


def test_progress_and_success(says):
    says(
        "assert os.environ['PHOSPHENE_PROGRESS'] == 'json' and sys.argv[1] == '--warm'\n"
        "for share in (0.25, 0.5):\n"
        "    print(json.dumps({'progress': share}), file=sys.stderr, flush=True)\n"
        "sys.stdin.read()\n"
        "time.sleep(0.2)\n"
    )
    run = client.Run(["dream", "a.png"])
    until(lambda: run.progress == 0.5)
    until(lambda: run.done)
    run.wait()
    assert run.failure is None


def test_words_in_another_encoding_do_no_harm(says):
    says("sys.stderr.buffer.write(b'\\xd7' * 100_000 + b'\\n'); sys.exit(2)")
    run = client.Run(["dream", "a.png"])
    run.wait(20)
    assert run.done
    assert run.failure


def test_a_failure_has_the_programs_words(says):
    says("print('note', file=sys.stderr); print('Error: No such layer.\\nTry block8.', file=sys.stderr); sys.exit(2)")
    run = client.Run(["dream", "a.png"])
    run.wait()
    assert run.done
    assert run.failure == "note\nNo such layer.\nTry block8."


@pytest.mark.skipif(sys.platform == "win32", reason="there it is ended at once")
def test_cancelling_lets_it_save(says, tmp_path):
    says(
        "print(json.dumps({'progress': 0.1}), file=sys.stderr, flush=True)\n"
        "try:\n    time.sleep(30)\n"
        f"except KeyboardInterrupt:\n    open({str(tmp_path / 'saved')!r}, 'w').close(); sys.exit(130)\n"
    )
    run = client.Run(["dream", "a.png"])
    until(lambda: run.progress > 0)
    run.cancel()
    run.wait(20)
    assert run.failure is None
    assert (tmp_path / "saved").exists()


def test_a_command_that_is_gone_is_told(says, tmp_path, monkeypatch):
    (tmp_path / "command.json").write_text(json.dumps([str(tmp_path / "gone")]))
    monkeypatch.setattr(client, "WORDS", tmp_path / "command.json")
    with pytest.raises(client.Failure, match="phosphene plugins"):
        client.Run(["dream", "a.png"])
