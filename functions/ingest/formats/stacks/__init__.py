"""Formats of plain stacks with values: text, tries, trees, speedscope. Each is converted to one pprof message.

Formats that carry addresses, mappings or several profiles have modules of their own beside this package.
"""
