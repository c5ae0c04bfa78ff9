"""What stands before every route of the API: plain ASGI middlewares, outermost first.

    mishaps    an exception nobody expected: a number for the caller, a redacted trace for the log
    replies    headers of every answer
    addresses  path and query: length, encoding, NUL
    origins    pages of other hosts may not write; CORS for those that are allowed
    entrance   nobody without a credential gets further, where people log in
    bodies     size, time, type, encoding; JSON is read strictly before a route sees it

They say no to what no route could mean. What a route means by its fields it checks itself.
"""
