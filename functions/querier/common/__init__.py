"""Code that several RPCs of the querier share: ranges, selectors, label sets, merged trees and profiles."""
