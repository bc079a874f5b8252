"""`python -m ml_intern` is the command `ml-intern`."""

from ml_intern.cli.main import main

main()
