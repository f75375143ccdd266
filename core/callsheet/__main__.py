"""`python -m callsheet`, the same as `callsheet`."""

from callsheet.cli import main

main()
