"""The command line: ``refold``, and ``python -m refold``."""

from trainer.runtime import interruption


def main() -> None:
    """Run the command line and exit."""
    interruption.install()  # before the imports, which take a while: an interrupt then ends with a word
    from sweeps.cli.main import main as command

    command()


if __name__ == "__main__":
    main()
