"""Questions with checks: reading them from files, and judging answers by them.

Plain values and pure functions: nothing here asks a model, runs a graph or keeps anything.
"""
