"""Formats of stacks of names with values: text, tries, trees and JSON. Each profile becomes one pprof message.

Formats with addresses or mappings have their own modules in `ingest.formats`.
"""
