"""Replace this process by a program that ends when its parent does. Run by path, to start in a few milliseconds.

`python -I -S exec_with_parent.py PARENT SIGNAL UID GID PROGRAM…`; a UID below zero keeps the current user. The kernel
takes the *thread* that started this for the parent: start it from one that lives as long as the program.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def exec_with_parent(parent: int, signal: int, account: tuple[int, int], program: list[str]) -> None:
    uid, gid = account
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After setuid, which clears it. Elsewhere the next run ends the stale processes.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:
        sys.exit("The process that started this one is gone.")
    try:
        os.execv(program[0], program)  # noqa: S606 - no shell is wanted
    except OSError as error:
        sys.exit(f"{program[0]} does not start: {error.strerror}.")


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:5]]
    exec_with_parent(numbers[0], numbers[1], (numbers[2], numbers[3]), sys.argv[5:])
