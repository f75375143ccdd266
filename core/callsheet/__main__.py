"""The command `callsheet`, and `python -m callsheet`: the command line, in a process that it may end."""

from callsheet.process.gc_pause import gc_paused

with gc_paused():  # what is imported here stays
    from callsheet.cli.main import main
    from callsheet.process.exit import leave_after


def run() -> None:
    leave_after(main)


if __name__ == "__main__":
    leave_after(main)
