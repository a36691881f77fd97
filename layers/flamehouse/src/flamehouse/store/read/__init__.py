"""Queries: one module for each question that the store can answer, its SQL beside it.

Results are values of `flamehouse.model`; drawing them is `flamehouse.render`.
"""
