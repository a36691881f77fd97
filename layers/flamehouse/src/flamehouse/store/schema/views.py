"""Creates the documented views, and replaces them if `views.sql` changed.

Each view's comment contains a hash of all definitions.
"""

import re
from hashlib import sha256
from importlib.resources import files
from typing import Final

from clickhouse_connect.driver.client import Client

from flamehouse.store.schema.statements import statements

_NAME: Final = re.compile(r"CREATE OR REPLACE VIEW (\w+) AS\n")
_COMMENTS: Final = """
SELECT name, comment
FROM system.tables
WHERE database = currentDatabase() AND engine = 'View'
"""


def view_definitions() -> dict[str, str]:
    """The statement of each view by name, in creation order."""
    script = files("flamehouse.store.schema").joinpath("views.sql").read_text()
    return {_name(statement): statement for statement in statements(script)}


def replace_views(client: Client) -> None:
    """Create or replace the views; runs no statement if they are up to date."""
    definitions = view_definitions()
    # A view may read another, so a change to one replaces all.
    version = sha256("".join(definitions.values()).encode()).hexdigest()[:16]
    current = {str(name): str(comment) for name, comment in client.query(_COMMENTS).result_rows}
    for name, statement in definitions.items():
        if current.get(name) != version:
            client.command(f"{statement}\nCOMMENT '{version}'")


def _name(statement: str) -> str:
    found = _NAME.match(statement)
    if found is None:
        raise ValueError(f"views.sql: expected CREATE OR REPLACE VIEW, got {statement[:40]!r}")
    return found[1]
