"""Attacks on the program, by the thousand: `python -m tests.hostile` from the root of the repository.

Each part is a module with a function `run(options) -> Tally`. A trial ends in one of three ways: something was made, it
was refused in words, or there is a fault: a traceback, a crash, a hang, a partial or stray file, an escape, a leak. The
input of each fault is kept, and the seed makes the same trials again.
"""
