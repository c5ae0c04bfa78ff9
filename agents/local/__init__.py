"""`local:extractive`, the embedded answerer: answers by choosing and citing sentences it was given.

`model.py` is the door (a LangChain chat model); everything else here is pure functions on text. It
needs no key, no network and no weights, and it never states what the passages do not hold.
"""
