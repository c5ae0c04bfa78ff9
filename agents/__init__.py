"""Graphs, models, retrieval, run manager, threads. Knows nothing of screens or HTTP."""
