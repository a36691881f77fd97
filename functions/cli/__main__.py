"""The entry point of `flamehouse` and `python -m cli`: runs a command and reports a failure in one line."""

from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from typing import Final

import click

from flamehouse import VERSION
from flamehouse.errors import OperatorError

_SECTIONS: Final = {
    "Server and database": {
        "serve": ("serve", "Run the local server."),
        "migrate": ("migrate", "Create or upgrade a database."),
        "setup-sql": ("setup_sql", "Print the SQL that creates ClickHouse's roles and users."),
        "credentials": ("credentials", "Add, list, revoke and rotate credentials of clients."),
        "maintain": ("maintain", "Maintain a database: make roll-ups, delete expired profiles."),
        "doctor": ("doctor", "Examine a database and a deployment."),
        "retention": ("retention", "Show or set how long a database retains profiles."),
        "limits": ("limits", "Show or set the limits of tenants."),
        "delete": ("delete", "Delete profiles of a tenant."),
        "replay": ("replay", "Store the uploads of retained blobs again."),
        "usage": ("usage", "Show the usage of each tenant and service."),
        "sql": ("sql", "Query a database in SQL (read-only)."),
        "import": ("imports", "Import profiles from another database."),
    },
    "Queries (any server that speaks Pyroscope's API)": {
        "services": ("catalogue", "List services and their profile types."),
        "types": ("catalogue", "List profile types."),
        "labels": ("catalogue", "List label names, or the values of one label."),
        "series": ("series", "Show totals over time."),
        "tail": ("tail", "Print new totals as they arrive."),
        "top": ("profiles", "List the functions with the largest self values."),
        "flame": ("profiles", "Print the flame graph as a tree."),
        "diff": ("diff", "Compare two selections or two time ranges."),
        "pprof": ("pprof", "Save the merged profile as a pprof file."),
        "upload": ("upload", "Send profile files."),
        "drop": ("drop", "Check profile files, and drop them into a bucket or folder."),
    },
}
"""The module and the help text of each command."""
_COMMANDS: Final = {name: entry for section in _SECTIONS.values() for name, entry in section.items()}


class _Commands(click.Group):
    """Imports each command's module on demand, so that queries do not load the server's code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        attribute = f"{name}_" if iskeyword(name) else name
        command = getattr(import_module(f"cli.{_COMMANDS[cmd_name][0]}"), attribute)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, section in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, help_) for name, (_, help_) in section.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message="flamehouse %(version)s")
def flamehouse() -> None:
    """Continuous profiling: run flamehouse, and query it or another server with Pyroscope's API.

    Environment: FLAMEHOUSE_URL, API_CREDENTIAL, FLAMEHOUSE_USER and FLAMEHOUSE_TENANT for queries; DATA_DIR or
    CLICKHOUSE_DSN for a database.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command. Raises SystemExit with one line if it fails, with status 2 for an invalid command line."""
    try:
        flamehouse.main(args=arguments, prog_name="flamehouse")
    except OperatorError as error:
        raise SystemExit(f"flamehouse: {error}") from error


if __name__ == "__main__":
    main()
