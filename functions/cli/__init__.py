"""The command `flamehouse`: runs the local server, manages a database, and queries any server.

Each module contains a group of commands: their arguments, their output, and their one-line errors. Code that works on a
database or an upload belongs in `flamehouse.store` and `ingest`.
"""
