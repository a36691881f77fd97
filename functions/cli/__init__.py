"""The command `flamehouse`: one module per group of commands. Runs the local server, manages a database, queries any server.

What a command does to a database or an upload belongs in `flamehouse.store` and `ingest`; here are its arguments, its
output, and errors in one line.
"""
