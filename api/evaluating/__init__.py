"""Evaluations from the command line and from pytest: what is asked, the run, the verdict, the report.

The work itself is `agents.evaluation`; what may be concluded is `analytics.ranking`.
"""
