"""The sidebar and the page Threads in process: rows, menus, dialogs, filters, bulk changes."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from agents.runtime import Runtime
from agents.thread_filter import ThreadFilter
from core.ids import new_id
from tests.agents.threads_house import Chats
from tests.pages.conftest import ENTRY, OpenPage, checked

pytestmark = pytest.mark.slow

HOSTILE = "**b** <img src=x onerror=alert(1)> ![i](http://evil.example/x) :red[r] $x$ [l](http://e)"


@pytest.fixture
def chats(runtime: Runtime) -> Chats:
    return Chats(runtime.database)


@pytest.fixture
def app(chats: Chats, new_navigation: None) -> AppTest:
    """The chat page; to be run by the test."""
    return AppTest.from_file(str(ENTRY), default_timeout=30)


def run(app: AppTest) -> AppTest:
    return checked(app.run())


def listed(app: AppTest) -> list[str]:
    buttons = [b for b in app.sidebar.button if (b.key or "").startswith("thread_")]
    return [b.label.replace("\\", "").replace("*", "") for b in buttons]


def choose(app: AppTest, thread_id: str, what: str) -> AppTest:
    app.menu_button(key=f"menu_{thread_id}").click(what)
    return run(app)


def titles(runtime: Runtime, **wanted: Any) -> list[str]:
    return [one.title for one in runtime.thread_list.page("local", ThreadFilter(**wanted)).threads]


def rows(app: AppTest) -> list[str]:
    buttons = [b for b in app.main.button if (b.key or "").startswith("open_")]
    return [b.label.replace("\\", "").replace("*", "") for b in buttons]


def test_the_sidebar_groups_threads_and_puts_pinned_ones_first(
    app: AppTest, chats: Chats, runtime: Runtime
) -> None:
    first, _ = chats.add("First"), chats.add("Second")
    runtime.thread_list.pin([first], "local")
    run(app)
    assert [c.value for c in app.sidebar.caption] == ["Pinned", "November 2023"]
    assert listed(app) == ["First", "Second"]


def test_thirty_threads_are_shown_and_more_when_asked(app: AppTest, chats: Chats) -> None:
    for n in range(32):
        chats.add(str(n))
    assert len(listed(run(app))) == 30
    app.button(key="older_threads").click()
    assert len(listed(run(app))) == 32


def test_marks_say_what_goes_on_in_a_thread(app: AppTest, chats: Chats) -> None:
    chats.add("Quiet")
    chats.add("New", seen=False)
    chats.add("Broken", status="error")
    chats.ask_people(chats.add("Asking"))
    marks = [m.value for m in run(app).sidebar.markdown]
    assert [mark.partition("[:material/")[2].rstrip(":]") for mark in marks] == [
        "pan_tool",
        "error",
        "mark_chat_unread",
    ]


def test_an_open_thread_is_seen(app: AppTest, chats: Chats, runtime: Runtime) -> None:
    one = chats.add(seen=False)
    app.query_params["thread"] = one
    run(app)
    assert runtime.thread_list.states("local", [one]) == {one: "idle"}


def test_a_hostile_title_and_tag_are_shown_as_text(
    app: AppTest, open_page: OpenPage, chats: Chats, runtime: Runtime
) -> None:
    one = chats.add(HOSTILE)
    runtime.thread_list.add_tags([one], "local", ["![t](http://evil) :red[x] $y$"])
    shown = [b.label for b in run(app).sidebar.button]
    page = open_page("threads", find="evil")
    shown += [b.label for b in page.main.button] + [c.value for c in page.main.caption]
    shown += [box.label for box in page.main.checkbox]
    for text in shown:
        assert "![" not in text.replace("\\!\\[", "")
        assert ":red[" not in text
        assert "<img" not in text.replace("\\<img", "")


def test_a_thread_is_pinned_and_archived_from_its_menu(
    app: AppTest, chats: Chats, runtime: Runtime
) -> None:
    one = chats.add("One")
    choose(run(app), one, "pin")
    assert titles(runtime, pinned=True) == ["One"]
    choose(app, one, "archive")
    assert listed(app) == []
    assert titles(runtime, archived=True) == ["One"]


def test_a_thread_is_renamed_in_a_dialog(app: AppTest, chats: Chats, runtime: Runtime) -> None:
    one = chats.add("Before")
    choose(run(app), one, "rename")
    app.text_input[0].set_value(HOSTILE)
    next(b for b in app.button if b.label == "Rename").click()
    run(app)
    assert titles(runtime) == [HOSTILE]


def test_an_empty_title_is_refused_in_the_dialog(
    app: AppTest, chats: Chats, runtime: Runtime
) -> None:
    one = chats.add("Before")
    choose(run(app), one, "rename")
    app.text_input[0].set_value("  ")
    next(b for b in app.button if b.label == "Rename").click()
    run(app)
    assert "The title is empty" in app.error[0].value
    assert titles(runtime) == ["Before"]


def test_tags_are_set_in_a_dialog(app: AppTest, chats: Chats, runtime: Runtime) -> None:
    one, other = chats.add("One"), chats.add("Other")
    runtime.thread_list.add_tags([other], "local", ["finance"])
    choose(run(app), one, "tags")
    app.multiselect(key=f"tags_{one}").select("finance")
    app.button(key="save_tags").click()
    run(app)
    assert runtime.thread_list.tags("local") == {"finance": 2}


def test_deleting_asks_first(app: AppTest, chats: Chats, runtime: Runtime) -> None:
    one = chats.add("One")
    choose(run(app), one, "delete")
    app.button(key="delete_no").click()
    run(app)
    assert titles(runtime) == ["One"]
    choose(app, one, "delete")
    app.button(key="delete_yes").click()
    run(app)
    assert titles(runtime) == []


def test_search_finds_and_opens_a_thread(app: AppTest, chats: Chats) -> None:
    one = chats.add("One", answer="the needle in it")
    run(app)
    app.button(key="search_chats").click()
    run(app)
    app.text_input(key="thread_query").set_value("needle")
    run(app)
    assert any("**needle**" in c.value for c in app.caption)
    app.button(key=f"hit_open_{one}").click()
    run(app)
    assert app.query_params["thread"] in (one, [one])
    assert len(app.chat_message) == 2


def test_a_hit_on_another_branch_is_shown(app: AppTest, chats: Chats, runtime: Runtime) -> None:
    from sqlalchemy import insert

    from agents.tables import message

    one, other = chats.add("One"), new_id()
    with runtime.database.write() as connection:
        connection.execute(
            insert(message).values(
                id=other, thread_id=one, parent_id=None, position=2, run_id=new_id(), role="user",
                text="needle?", created_at_us=chats.clock_us,
            )
        )  # fmt: skip
    run(app)
    app.button(key="search_chats").click()
    run(app)
    app.text_input(key="thread_query").set_value("needle")
    run(app)
    app.button(key=f"hit_open_{one}").click()
    run(app)
    assert [m.text for m in runtime.threads.messages(one, "local")] == ["needle?"]


def test_the_dialog_of_a_thread_that_is_gone_says_so(app: AppTest, chats: Chats) -> None:
    run(app)
    app.session_state["_thread_dialog"] = ("rename", (new_id(),))
    run(app)
    assert "There is no such thread" in app.error[0].value


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["Lost", "Policy"]),
        ({"by_agent": "policy"}, ["Lost", "Policy"]),
        ({"by_agent": "policy", "ended_with": "lost"}, ["Lost"]),
        ({"rated": "up"}, ["Policy"]),
        ({"tag": "a"}, ["Policy"]),
        ({"find": "policyword"}, ["Policy"]),
        ({"from": "2030-01-01"}, []),
        ({"until": "2030-01-01", "by_model": "gpt"}, ["Policy"]),
        ({"archive": "archived"}, ["Old"]),
        ({"by_agent": "' OR 1=1", "state": "<script>", "tag": "x" * 500}, ["Lost", "Policy"]),
        ({"archive": "nonsense"}, ["Lost", "Policy"]),
    ],
)
def test_filters_are_in_the_address(
    open_page: OpenPage,
    chats: Chats,
    runtime: Runtime,
    query: dict[str, str],
    expected: list[str],
) -> None:
    old = chats.add("Old")
    policy = chats.add("Policy", answer="policyword", agent="policy", model="gpt")
    chats.add("Lost", agent="policy", model="opus", status="lost")
    chats.rate(policy, 1)
    runtime.thread_list.add_tags([policy], "local", ["a"])
    runtime.thread_list.archive([old], "local")
    shown = [name.rpartition(" ")[2] for name in rows(open_page("threads", **query))]
    assert shown == expected


def test_the_number_of_filters_leaves_out_what_the_address_asks_in_vain(
    open_page: OpenPage, chats: Chats
) -> None:
    """Was: "Filters: 3" for an address with one filter and two values that do not exist."""
    chats.add("A", agent="policy")
    wrong = {"state": "<script>", "tag": "none", "until": "yesterday"}
    page = open_page("threads", by_agent="policy", **wrong)
    labels = [one.proto.popover.label for one in page.get("popover")]
    assert [one for one in labels if one.startswith("Filters")] == ["Filters: 1"]


def test_a_chosen_filter_is_written_to_the_address_and_cleared(
    open_page: OpenPage, chats: Chats
) -> None:
    chats.add("A", agent="policy")
    chats.add("B", agent="billing")
    page = open_page("threads")
    page.selectbox(key="by_agent").set_value("billing")
    checked(page.run())
    assert (rows(page), page.query_params["by_agent"]) == (["B"], "billing")
    page.button(key="clear_filters").click()
    checked(page.run())
    assert rows(page) == ["B", "A"]
    assert "by_agent" not in page.query_params


def test_pages_of_threads_follow_each_other(open_page: OpenPage, chats: Chats) -> None:
    for n in range(32):
        chats.add(str(n))
    page = open_page("threads")
    assert rows(page)[0] == "31"
    page.button(key="older").click()
    assert rows(checked(page.run())) == ["1", "0"]
    page.button(key="newer").click()
    assert rows(checked(page.run()))[0] == "31"


@pytest.mark.parametrize("after", ["x", "1.2", "9" * 30 + "." + "0" * 32])
def test_a_forged_place_in_the_address_is_the_beginning(
    open_page: OpenPage, chats: Chats, after: str
) -> None:
    found = chats.add()
    page = open_page("threads", after=after)
    assert [b.key for b in page.button if b.key == f"open_{found}"] == [f"open_{found}"]


@pytest.mark.parametrize("label", ["Archive", "Delete", "Tag"])
def test_what_is_picked_is_changed_together(
    open_page: OpenPage, chats: Chats, runtime: Runtime, label: str
) -> None:
    ids = [chats.add(name) for name in "abc"]
    page = open_page("threads")
    for one in ids[:2]:
        page.checkbox(key=f"pick_{one}").check()
    checked(page.run())
    if label == "Archive":
        page.button(key="bulk_Archive").click()
        checked(page.run())
        assert (titles(runtime), titles(runtime, archived=True)) == (["c"], ["b", "a"])
    elif label == "Delete":
        page.button(key="bulk_delete").click()
        checked(page.run())
        page.button(key="delete_yes").click()
        checked(page.run())
        assert titles(runtime) == ["c"]
    else:
        runtime.thread_list.add_tags([ids[2]], "local", ["x"])
        checked(page.run())
        page.multiselect(key="bulk_tag").select("x")
        checked(page.run())
        page.button(key="bulk_tags_Add").click()
        checked(page.run())
        assert runtime.thread_list.tags("local") == {"x": 3}
    assert not any(box.value for box in page.checkbox if box.key != f"pick_{ids[2]}")


def test_all_shown_are_picked_and_restored(
    open_page: OpenPage, chats: Chats, runtime: Runtime
) -> None:
    runtime.thread_list.archive([chats.add("a"), chats.add("b")], "local")
    page = open_page("threads", archive="archived")
    page.button(key="pick_all").click()
    checked(page.run())
    page.button(key="bulk_Restore").click()
    checked(page.run())
    assert titles(runtime) == ["b", "a"]


def test_an_empty_page_says_what_to_do(open_page: OpenPage) -> None:
    assert open_page("threads").info[0].value == "There are no threads yet."


def test_threads_of_others_are_nowhere(app: AppTest, open_page: OpenPage, chats: Chats) -> None:
    hers = chats.add("Hers", answer="needle", owner="hers")
    app.query_params["thread"] = hers
    assert listed(run(app)) == []
    assert "There is no such thread" in app.error[0].value
    assert rows(open_page("threads", find="needle")) == []
