"""Queries: one module for each query of the store, with its SQL in a file next to it.

Results are values of `flamehouse.model`; `flamehouse.render` renders them.
"""
