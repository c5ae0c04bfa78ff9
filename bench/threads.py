"""How quick the list of chats, a long thread and search are with 10,000 threads.

    python -m bench.threads [--quick]

A year of chats of four turns each, and one thread of 1,000 turns, in a file as the application keeps
it. Every figure is the time one call takes in this process, with SQLite's pages in memory. The size
of the search index is that of the file with and without it.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from agents.migrations import make_or_migrate
from agents.search_cleaning import SearchCleaning
from agents.thread_filter import ANY_ERROR, ThreadFilter
from agents.thread_list import ThreadList
from agents.thread_search import ThreadSearch
from agents.threads import ThreadStore
from bench.figures import figure, say
from bench.thread_rows import AGENTS, MODELS, OWNER, RARE_WORD, TAGS, fill
from core.database import Database

THREADS, TURNS, LONG = 10_000, 4, 1_000
PAGE = 30
MESSAGES = 40


def times_ms(call: Callable[[], object], repeats: int) -> list[float]:
    call()
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * 1e3)
    return found


def lists(threads: ThreadList, repeats: int) -> None:
    page = threads.page(OWNER, ThreadFilter(pinned=False), limit=PAGE)

    def to_the_end() -> None:
        after = page.after
        for _ in range(20):
            after = threads.page(OWNER, after=after, limit=PAGE).after

    say(
        [
            figure(
                "list_first_page", times_ms(lambda: sidebar(threads), repeats), "ms", at_most=50
            ),
            figure("list_20_pages_on", times_ms(to_the_end, 3), "ms", note="20 pages of 30"),
            figure(
                "list_states",
                times_ms(lambda: threads.states(OWNER, [t.id for t in page.threads]), repeats),
                "ms",
            ),
            figure("filter_values", times_ms(lambda: threads.facts(OWNER), 5), "ms"),
        ]
    )
    filters = {
        "agent": ThreadFilter(agent=AGENTS[0]),
        "model": ThreadFilter(model=MODELS[0]),
        "agent_of_nobody": ThreadFilter(agent="nobody"),
        "any_error": ThreadFilter(error=ANY_ERROR),
        "rating": ThreadFilter(rating=-1),
        "tag": ThreadFilter(tags=(TAGS[0],)),
        "failed": ThreadFilter(state="failed"),
        "unread": ThreadFilter(state="unread"),
        "waiting": ThreadFilter(state="waiting"),
    }
    for name, wanted in filters.items():
        one = times_ms(lambda w=wanted: threads.page(OWNER, w, limit=PAGE), repeats)  # type: ignore[misc]
        say([figure(f"filter_{name}", one, "ms", at_most=250)])


def sidebar(threads: ThreadList) -> None:
    threads.pinned(OWNER)
    threads.page(OWNER, ThreadFilter(pinned=False), limit=PAGE)


def long_thread(store: ThreadStore, long_id: str, repeats: int) -> None:
    say(
        [
            figure(
                f"long_thread_{name}",
                times_ms(
                    lambda n=limit: (  # type: ignore[misc]
                        store.get(long_id, OWNER),
                        store.messages(long_id, OWNER, limit=n),
                    ),
                    repeats,
                ),
                "ms",
                at_most=at_most,
            )
            for name, limit, at_most in (
                ("newest_40", MESSAGES, 50),
                ("after_10_times_older", 11 * MESSAGES, 200),
                ("all_2000", 2 * LONG, 1000),
            )
        ]
    )


def searches(search: ThreadSearch, repeats: int) -> None:
    queries = {
        "rare_word": RARE_WORD,
        "frequent_word": "answer",
        "two_words": "answer provider",
        "three_words_unfinished": "cost answer provid",
        "no_hit": "xylophonist",
        "one_letter": "s",
    }
    for name, query in queries.items():
        one = times_ms(lambda q=query: search.find(OWNER, q), repeats)  # type: ignore[misc]
        say([figure(f"search_{name}", one, "ms", at_most=200)])
    wanted = ThreadFilter(agent=AGENTS[0])
    say(
        [
            figure(
                "search_frequent_word_of_an_agent",
                times_ms(lambda: search.find(OWNER, "answer", wanted), repeats), "ms",
            ),
            figure("search_chinese", times_ms(lambda: search.find(OWNER, "数据"), 2), "ms",
                   note="compares text: no index of words"),
        ]
    )  # fmt: skip


def deletion(database: Database, store: ThreadStore, ids: list[str]) -> None:
    began = time.perf_counter()
    store.delete(ids[0], OWNER)
    deleted = time.perf_counter()
    SearchCleaning(database).now()
    cleaned = time.perf_counter()
    say(
        [
            figure("delete_one_thread", (deleted - began) * 1e3, "ms", at_most=200),
            figure("clean_the_index_after", cleaned - deleted, "s", note="in the background"),
        ]
    )


def sizes(path: Path) -> None:
    """Of the file, packed, with the index and without."""
    with sqlite3.connect(path) as packed:
        packed.execute("VACUUM")
        whole = path.stat().st_size
        for name in ("added", "removed", "changed"):
            packed.execute(f"DROP TRIGGER search_message_{name}")
            packed.execute(f"DROP TRIGGER search_title_{name}")
            if name != "changed":
                packed.execute(f"DROP TRIGGER search_tag_{name}")
        packed.execute("DROP TRIGGER search_thread_became_chat")
        for one in ("message_search", "search_doc", "search_dirty"):
            packed.execute(f"DROP TABLE {one}")
        packed.commit()
        packed.execute("VACUUM")
    packed.close()
    say([figure("database", whole / 1e6, "MB", baseline=path.stat().st_size / 1e6,
                note="baseline: without the search index")])  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep", type=Path, help="make the database here, and nothing else")
    given = parser.parse_args()
    threads, repeats = (1_000, 5) if given.quick else (THREADS, 21)
    with tempfile.TemporaryDirectory() as folder:
        path = (given.keep or Path(folder)) / "app.db"
        database = Database(f"sqlite:///{path}", prepare=make_or_migrate)
        began = time.perf_counter()
        long_id = fill(database, threads, TURNS, LONG)
        messages = 2 * (threads * TURNS + LONG)
        say([figure("write_a_message", (time.perf_counter() - began) * 1e3 / messages, "ms",
                    note=f"{messages:,} messages, indexed as they are written")])  # fmt: skip
        if given.keep:
            return
        before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        store = ThreadStore(database)
        lists(ThreadList(database, set), repeats)
        long_thread(store, long_id, repeats)
        searches(ThreadSearch(database, set), repeats)
        after_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        say([figure("memory_of_all_reading", after_mb - before_mb, "MB", at_most=100)])
        deletion(database, store, [f"{threads // 2:032x}"])
        database.empty_log()
        database.close()
        sizes(path)


if __name__ == "__main__":
    main()
