"""Formats that are plain stacks with values: text, tries, trees, speedscope. Each becomes one pprof message."""
