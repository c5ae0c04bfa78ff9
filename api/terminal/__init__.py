"""The terminal client behind `python -m api.cli`, over `api.client` alone.

Everything a server sends goes through `Screen`, which takes control characters out: no text of a
model can move the cursor, change the title or hide what follows.
"""
