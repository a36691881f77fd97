"""Formats of plain stacks with values: text, tries, trees, speedscope. Each is converted to one pprof message."""
