"""The embedded knowledge base: a folder of Markdown, searched with SQLite alone.

    passages   a document becomes passages           markdown, packing, text
    index      the folder becomes `knowledge.db`     sync, files, database, rows
    search     a question finds passages             terms, fts, relevance, vectors

Use `KnowledgeIndex` and `Retriever`. Everything blocks: on the run loop, call it in a thread.
"""
