"""Who is better, by how much, and how sure that is: votes in, ratings, intervals and verdicts out.

Numbers only: no storage, no screens. Its modules need numpy and are imported where they are used.
"""
