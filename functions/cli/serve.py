"""`flamehouse serve`: the local server."""

import click

import all_in_one


@click.command()
def serve() -> None:
    """Run the local server until SIGINT or SIGTERM.

    Settings are environment variables (docs/settings.md), such as HOST, PORT, DATA_DIR and API_CREDENTIAL.
    """
    all_in_one.main()
