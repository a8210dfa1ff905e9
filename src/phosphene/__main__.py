"""The command line, as `phosphene` and as `python -m phosphene`."""

import sys

from phosphene.startup import loading

WARM = "--warm"


def main() -> None:
    """Does what the command line says; with `--warm`, by a process that has loaded everything, if there is one."""
    argv = sys.argv[1:]
    end = argv.index("--") if "--" in argv else len(argv)
    if WARM in argv[:end]:
        from phosphene.startup import warm

        argv.remove(WARM)
        code = warm.ask(argv)
        if code is not None:
            sys.exit(code)
        if warm.POSSIBLE:
            warm.start()  # for the next one
    loading.begin()
    from phosphene.cli import main as command_line

    command_line(argv)


if __name__ == "__main__":
    main()
