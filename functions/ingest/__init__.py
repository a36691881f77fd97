"""The write path: endpoints, formats, validation, and one pipeline into the store.

SQL belongs in `flamehouse.store`.
"""
