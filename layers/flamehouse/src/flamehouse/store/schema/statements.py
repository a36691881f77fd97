"""Splits a file of SQL into its statements."""

from collections.abc import Iterator


def statements(script: str) -> Iterator[str]:
    """The statements of a script. Each ends with `;`, and comments are on separate lines."""
    text = "\n".join(line for line in script.splitlines() if not line.startswith("--"))
    return (statement for part in text.split(";") if (statement := part.strip()))
