"""Queries: one module for each query of the store, with its SQL beside it.

Results are values of `flamehouse.model`; `flamehouse.render` draws them.
"""
