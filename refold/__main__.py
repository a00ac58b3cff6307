"""``python -m refold``: the command line."""

from sweeps.cli.main import main

main()
