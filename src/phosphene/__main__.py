"""The command line, as `phosphene` and as `python -m phosphene`."""

import gc
import sys

WARM = "--warm"
LOADING = 200_000  # objects between two collections while modules are loaded, which make no garbage: a tenth of a start


def main() -> None:
    """Does what the command line says; with `--warm`, by a process that has loaded everything, if there is one."""
    argv = sys.argv[1:]
    end = argv.index("--") if "--" in argv else len(argv)
    if WARM in argv[:end]:
        from phosphene import warm

        argv.remove(WARM)
        code = warm.ask(argv)
        if code is not None:
            sys.exit(code)
        if warm.POSSIBLE:
            warm.start()  # for the next one
    gc.set_threshold(LOADING)
    from phosphene.cli import main as command_line

    command_line(argv)


if __name__ == "__main__":
    main()
