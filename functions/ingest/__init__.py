"""The write path: endpoints, formats, validation, and a single pipeline into the store.

SQL belongs in `flamehouse.store`.
"""
