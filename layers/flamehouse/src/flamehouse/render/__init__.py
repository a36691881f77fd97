"""Draws cut call trees and merged profiles: flame graphs, flamebearer JSON, TREE, DOT, pprof.

No SQL and no HTTP.
"""
