"""`python -m callsheet`, the same as `callsheet`."""

from callsheet.cli.main import main

main()
