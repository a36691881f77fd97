"""Code that several RPCs of the querier share: ranges, selectors, label sets, merged trees and profiles.

Code of a single RPC belongs in its module.
"""
