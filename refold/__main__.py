"""The command line: ``refold``, and ``python -m refold``."""

from sweeps.cli.main import main

if __name__ == "__main__":
    main()
