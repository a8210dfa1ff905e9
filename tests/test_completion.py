"""What the Tab key offers: asked of bash itself, and as the shells' scripts ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from phosphene import filters
from phosphene.cli import configuration, main
from phosphene.networks import SOURCES
from phosphene.pixels.canvases import CANVASES
from phosphene.recipes.settings import PRESETS, RECIPES


@pytest.fixture
def answer(monkeypatch, tmp_path, capsys):
    """Asks as fish's script does what a line's last word may become: kinds, and words with their meanings."""
    monkeypatch.chdir(tmp_path)

    def ask(line):
        *words, incomplete = line.split(" ")
        monkeypatch.setenv("_PHOSPHENE_COMPLETE", "fish_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(words))
        monkeypatch.setenv("COMP_CWORD", incomplete)
        with pytest.raises(SystemExit):
            main.main()
        out, err = capsys.readouterr()
        assert not err
        return [line.partition(",")[::2] for line in out.splitlines()]

    return ask


def words(answers):
    return [word.split("\t")[0] for kind, word in answers if kind == "plain"]


def run(*words, **environment):
    found = {**os.environ, "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": "", **environment}
    return subprocess.run([sys.executable, "-m", "phosphene", *words], env=found, capture_output=True, text=True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_command_prints_the_same_script(shell):
    assert run("completion", shell).stdout.split() == run(_PHOSPHENE_COMPLETE=f"{shell}_source").stdout.split()
    assert run("completion", SHELL=f"/bin/{shell}").stdout == run("completion", shell).stdout


def test_it_is_installed_where_the_shell_looks(tmp_path):
    for shell, place in (
        ("bash", ".local/share/bash-completion/completions/phosphene"),
        ("fish", ".config/fish/completions/phosphene.fish"),
    ):
        told = run("completion", shell, "--install", HOME=str(tmp_path))
        assert told.returncode == 0
        assert place in told.stderr
        assert (tmp_path / place).read_text().strip() == run("completion", shell).stdout.strip()
    told = run("completion", "zsh", "--install", HOME=str(tmp_path))
    assert ".zshrc" in told.stderr
    assert 'eval "$(phosphene completion zsh)"' in told.stderr


@pytest.mark.parametrize(("words", "said"), [(["basch"], "Did you mean 'bash'"), ([], "Name your shell")])
def test_a_shell_that_is_not_known_is_answered(words, said):
    told = run("completion", *words, SHELL="")
    assert told.returncode == 2
    assert said in told.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shells_script_comes_out(shell):
    environment = {**os.environ, "_PHOSPHENE_COMPLETE": f"{shell}_source"}
    run = subprocess.run([sys.executable, "-m", "phosphene"], env=environment, capture_output=True, text=True)
    assert not run.stderr
    assert "_PHOSPHENE_COMPLETE" in run.stdout
    assert f"{shell}_complete" in run.stdout


@pytest.mark.parametrize("line", ["phosphene dream --pre", "phosphene --pre", "phosphene photo.jpg --pre"])
def test_a_flag_is_completed_wherever_it_stands(answer, line):
    assert words(answer(line)) == ["--preview", "--preset"]


def test_the_first_word_is_a_command_a_canvas_or_a_file(answer):
    assert set(words(answer("phosphene "))) == {*main.commands, *CANVASES}
    assert words(answer("phosphene st")) == ["style", "study", "studio"]
    assert words(answer("phosphene cl")) == ["clouds"]
    assert answer("phosphene ph")[0][0] == "file"


def test_a_word_that_is_nothing_is_no_error_at_the_tab_key(answer):
    assert words(answer("phosphene nonsense --recipe ")) == list(RECIPES)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("phosphene dream --preset ", list(PRESETS)),
        ("phosphene --preset b", [name for name in PRESETS if name.startswith("b")]),
        ("phosphene a.jpg --normalise ", ["mean", "std", "laplacian"]),
        ("phosphene a.jpg --layer block1", ["block1", *(f"block{n}" for n in range(10, 16))]),
        ("phosphene a.jpg --layer stem:2,block9", ["stem:2,block9"]),
        ("phosphene a.jpg --model googlenet --layer b", []),
        ("phosphene a.jpg --model g", ["googlenet"]),
        ("phosphene dream cl", ["clouds"]),
        ("phosphene style a.jpg --then-dream ", list(PRESETS)),
        ("phosphene style a.jpg --filter w", [name for name in filters.names() if name.startswith("w")]),
        ("phosphene pattern block14", ["block14"]),
        ("phosphene networks get ", list(SOURCES)),
        ("phosphene study cl", ["clouds"]),
        ("phosphene study a.jpg --of ", ["dream", "style", "pattern"]),
        ("phosphene study a.jpg --recipe ", list(RECIPES)),
    ],
)
def test_values_are_completed(answer, line, wanted):
    assert words(answer(line)) == wanted


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("phosphene dream ", "file"),
        ("phosphene dream a.jpg --mask m", "file"),
        ("phosphene dream a.jpg --config m", "file"),
        ("phosphene style a.jpg --style m", "file"),
        ("phosphene info m", "file"),
        ("phosphene studio --folder m", "dir"),
        ("phosphene study a.jpg -o m", "dir"),
    ],
)
def test_files_are_left_to_the_shell(answer, line, kind):
    assert [kind for kind, _ in answer(line)] == [kind]


def test_the_words_are_those_of_the_program(efficientnet):
    assert configuration.CANVASES == CANVASES
    assert {source.name: source.about for source in SOURCES.values()} == configuration.NETWORKS
    assert {layer.name: layer.shows for layer in efficientnet.layers.values() if layer.shows} == configuration.LAYERS


def test_the_tab_key_loads_nothing_heavy():
    program = (
        "import sys\ntry:\n    import phosphene.cli; phosphene.cli.main.main()\n"
        "except SystemExit:\n    print({'torch', 'numpy', 'PIL', 'rich'} & set(sys.modules), file=sys.stderr)"
    )
    asked = {"_PHOSPHENE_COMPLETE": "bash_complete", "COMP_WORDS": "phosphene a.jpg --layer ", "COMP_CWORD": "3"}
    run = subprocess.run([sys.executable, "-c", program], env=os.environ | asked, capture_output=True, text=True)
    assert run.stderr == "set()\n"
    assert "plain,block11" in run.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes(tmp_path):
    (tmp_path / "phosphene").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m phosphene "$@"\n')
    (tmp_path / "phosphene").chmod(0o755)
    script = (
        'eval "$(_PHOSPHENE_COMPLETE=bash_source phosphene)"; COMP_WORDS=(phosphene photo.jpg --preset b);'
        ' COMP_CWORD=3; _phosphene_completion phosphene; echo "${COMPREPLY[@]}"'
    )
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    run = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True)
    assert run.stdout.split() == [name for name in PRESETS if name.startswith("b")]
