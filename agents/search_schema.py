"""The search index of app.db: an FTS5 table over a view, kept by triggers. For SQLite only.

The words are stored once, in `message`, `thread` and `thread_tag`; the view says which of them make up
a document, and `search_doc` numbers the documents by time, so that the newest hits are read first and
reading can stop. The index holds chats only: other kinds of threads are not listed. Another
database has none of this; agents/thread_search.py then compares text.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, event, text

from agents.tables import metadata

search_doc = Table(
    "search_doc",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("of", String(96), nullable=False, unique=True),
)
"""`of`: a message's id, a thread's for its title, or "<thread's id>:<tag>". `id` grows with the time
of what it stands for. (SQLite's own row numbers are not used: VACUUM may change them.)"""

search_dirty = Table(
    "search_dirty", metadata, Column("id", Integer, primary_key=True, autoincrement=False)
)
"""One row while words of deleted or changed text may still be in the index."""

INDEX = "message_search"
TOKENIZER = "unicode61 remove_diacritics 2"
_DOCS_PER_S = 4096


def json_field(row: str, path: str) -> str:
    """SQL for one plain value of a message's summary. It is indexed in these very words."""
    summary = f"{row}summary"
    return f"CASE WHEN json_valid({summary}) THEN json_extract({summary}, '$.{path}') END"


def _joined(row: str, part: str, *fields: str) -> str:
    # A summary that SQLite cannot read must not keep an answer from being saved.
    summary = f"CASE WHEN json_valid({row}.summary) THEN {row}.summary ELSE '{{}}' END"
    words = " || ' ' || ".join(f"coalesce(json_extract(one.value, '$.{f}'), '')" for f in fields)
    return (
        f"coalesce((SELECT group_concat({words}, char(10))"
        f" FROM json_each({summary}, '$.{part}') AS one), '')"
    )


def _tools(row: str) -> str:
    return _joined(row, "tools", "name", "input", "output", "error")


def _sources(row: str) -> str:
    return _joined(row, "sources", "title", "heading", "text")


def _add_doc(of: str, at_us: str, where: str) -> str:
    """Numbers a document: its second, then the next free place in it; the end when that is full."""
    first = f"({at_us}) / 1000000 * {_DOCS_PER_S}"
    after = (
        f"(SELECT max(id) + 1 FROM search_doc WHERE id >= {first} AND id < {first} + {_DOCS_PER_S})"
    )
    return (
        f"INSERT INTO search_doc (id, of) SELECT CASE WHEN {after} = {first} + {_DOCS_PER_S}"
        f" THEN (SELECT max(id) + 1 FROM search_doc) ELSE coalesce({after}, {first}) END, {of}"
        f" WHERE {where} AND NOT EXISTS (SELECT 1 FROM search_doc WHERE of = {of})"
    )


def _add_words(of: str, said: str, tools: str = "''", sources: str = "''") -> str:
    return (
        f"INSERT INTO {INDEX} (rowid, said, tools, sources)"
        f" SELECT id, {said}, {tools}, {sources} FROM search_doc WHERE of = {of}"
    )


def _remove(of: str, said: str, tools: str = "''", sources: str = "''") -> tuple[str, ...]:
    """FTS5 is told what was there, and only marks it as gone: see agents/search_cleaning.py."""
    return (
        f"INSERT INTO {INDEX} ({INDEX}, rowid, said, tools, sources)"
        f" SELECT 'delete', id, {said}, {tools}, {sources} FROM search_doc WHERE of = {of}",
        f"INSERT OR IGNORE INTO search_dirty (id) SELECT 1 FROM search_doc WHERE of = {of}",
        f"DELETE FROM search_doc WHERE of = {of}",
    )


def _message(row: str) -> tuple[str, str, str, str]:
    return f"{row}.id", f"{row}.text", _tools(row), _sources(row)


def _trigger(name: str, when: str, *steps: str) -> str:
    body = ";\n".join(steps)
    return f"CREATE TRIGGER IF NOT EXISTS {name} AFTER {when} BEGIN\n{body};\nEND"


_IS_CHAT = "EXISTS (SELECT 1 FROM thread WHERE id = new.thread_id AND kind = 'chat')"
_TAG_NEW, _TAG_OLD = "new.thread_id || ':' || new.tag", "old.thread_id || ':' || old.tag"
_ADD_MESSAGE = (
    _add_doc("new.id", "new.created_at_us", _IS_CHAT),
    _add_words(*_message("new")),
)
_ADD_TITLE = (
    _add_doc("new.id", "new.created_at_us", "new.kind = 'chat'"),
    _add_words("new.id", "new.title"),
)

DDL: tuple[str, ...] = (
    f"""CREATE VIEW IF NOT EXISTS search_text AS
    SELECT doc.id AS id, said.text AS said, {_tools("said")} AS tools, {_sources("said")} AS sources
    FROM search_doc AS doc JOIN message AS said ON said.id = doc.of
    UNION ALL SELECT doc.id, named.title, '', ''
    FROM search_doc AS doc JOIN thread AS named ON named.id = doc.of
    UNION ALL SELECT doc.id, tagged.tag, '', ''
    FROM search_doc AS doc JOIN thread_tag AS tagged
    ON tagged.thread_id = substr(doc.of, 1, 32) AND tagged.tag = substr(doc.of, 34)""",
    f"""CREATE VIRTUAL TABLE IF NOT EXISTS {INDEX} USING fts5(
    said, tools, sources, content = 'search_text', content_rowid = 'id', tokenize = '{TOKENIZER}')""",
    _trigger("search_message_added", "INSERT ON message", *_ADD_MESSAGE),
    _trigger("search_message_removed", "DELETE ON message", *_remove(*_message("old"))),
    _trigger(
        "search_message_changed",
        "UPDATE OF text, summary ON message",
        *_remove(*_message("old")),
        *_ADD_MESSAGE,
    ),
    _trigger("search_title_added", "INSERT ON thread", *_ADD_TITLE),
    _trigger("search_title_removed", "DELETE ON thread", *_remove("old.id", "old.title")),
    _trigger(
        "search_title_changed",
        "UPDATE OF title, kind ON thread",
        *_remove("old.id", "old.title"),
        *_ADD_TITLE,
    ),
    _trigger(
        "search_thread_became_chat",
        "UPDATE OF kind ON thread WHEN new.kind = 'chat' AND old.kind <> 'chat'",
        "UPDATE message SET text = text WHERE thread_id = new.id",
    ),
    _trigger(
        "search_tag_added",
        "INSERT ON thread_tag",
        _add_doc(_TAG_NEW, "SELECT created_at_us FROM thread WHERE id = new.thread_id", _IS_CHAT),
        _add_words(_TAG_NEW, "new.tag"),
    ),
    _trigger("search_tag_removed", "DELETE ON thread_tag", *_remove(_TAG_OLD, "old.tag")),
    f"""CREATE INDEX IF NOT EXISTS message_facts ON message (
    thread_id, {json_field("", "agent")}, {json_field("", "model")}, {json_field("", "status")},
    {json_field("", "error.code")}) WHERE role = 'assistant'""",
)
"""May be run again at any time."""


@event.listens_for(metadata, "after_create")
def _install(_metadata: object, connection: Connection, **_: Any) -> None:
    if connection.dialect.name == "sqlite":
        for statement in DDL:
            connection.exec_driver_sql(statement)


def fill(connection: Connection) -> None:
    """Indexes what was there before the index. In one go: every second's documents are numbered."""
    if connection.dialect.name != "sqlite":
        return
    connection.execute(text("DELETE FROM search_doc"))
    connection.execute(
        text(
            "INSERT INTO search_doc (id, of) SELECT second * :most + place, of FROM ("
            " SELECT of, at_us / 1000000 AS second,"
            " row_number() OVER (PARTITION BY at_us / 1000000 ORDER BY at_us, of) - 1 AS place FROM ("
            "  SELECT message.id AS of, message.created_at_us AS at_us FROM message"
            "  JOIN thread ON thread.id = message.thread_id WHERE thread.kind = 'chat'"
            "  UNION ALL SELECT id, created_at_us FROM thread WHERE kind = 'chat'"
            "  UNION ALL SELECT thread.id || ':' || tag, thread.created_at_us FROM thread_tag"
            "  JOIN thread ON thread.id = thread_id WHERE thread.kind = 'chat'))"
            " WHERE place < :most"
        ),
        {"most": _DOCS_PER_S},
    )
    connection.exec_driver_sql(
        f"INSERT INTO {INDEX} (rowid, said, tools, sources)"  # FTS5's own "rebuild" refuses the view
        " SELECT id, said, tools, sources FROM search_text ORDER BY id"
    )
