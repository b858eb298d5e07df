"""`connector version`."""

import typer

from connector import __version__


def version() -> None:
    """Print the version."""
    typer.echo(__version__)
