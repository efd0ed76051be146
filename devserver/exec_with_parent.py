"""Become another program that ends when its parent does. Run by path, so that it starts in a few milliseconds.

`python -I -S launch.py PARENT SIGNAL UID GID PROGRAM…`; a UID below zero stays who it is. The kernel counts the
*thread* that started this as the parent: start from one that lives as long as the program shall.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def become(parent: int, signal: int, account: tuple[int, int], program: list[str]) -> None:
    """Give up root where asked to, tie this process to its parent, turn into the program."""
    uid, gid = account
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, which clears it. Elsewhere the next start ends what a killed one left.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:
        sys.exit("The process that started this one is gone.")
    try:
        os.execv(program[0], program)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.exit(f"{program[0]} does not start: {error.strerror}.")


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:5]]
    become(numbers[0], numbers[1], (numbers[2], numbers[3]), sys.argv[5:])
