"""Files of a conversation through the real runtime and graphs: kept, found, forgotten."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agents.files.desk import Files
from agents.files.values import FileRefused, Limits
from agents.files.waiting import Prepared
from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from core.errors import InvalidInput, NotFound
from core.ids import new_id
from core.settings import load_settings
from tests.agents import file_samples as samples

pytestmark = pytest.mark.slow

ME = "local"
Named = tuple[str, bytes]


@contextlib.contextmanager
def house(folder: Path) -> Iterator[Runtime]:
    runtime = Runtime(load_settings(env_file=None, data_dir=folder / "data"))
    try:
        yield runtime
    finally:
        runtime.close(2.0)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    with house(tmp_path) as made:
        yield made


def read(files: Files, *named: Named, owner: str = ME) -> list[Prepared]:
    found = [files.prepare(owner, name, raw) for name, raw in named]
    deadline = time.monotonic() + 30
    while any(one.state == "reading" for one in found) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def ask(runtime: Runtime, text: str, files: Sequence[Named] = (), **request: object) -> Run:
    ids = tuple(one.id for one in read(runtime.files, *files))
    run = runtime.start(TurnRequest(text=text, attachments=ids, **request))  # type: ignore[arg-type]
    for _ in run.follow():
        pass
    return run


def answer(runtime: Runtime, run: Run) -> str:
    return runtime.threads.messages(run.thread_id, ME)[-1].text


TRIP: Named = ("trip.md", samples.POLICY.encode())
STOCK: Named = ("stock.csv", samples.STOCK.encode())


@pytest.mark.parametrize("graph", ["supervisor", "react"])
def test_an_answer_is_found_in_a_pdf_and_cites_it(runtime: Runtime, graph: str) -> None:
    pdf = samples.pdf(
        "Flights are booked early.", "Hotels cost at most 180 euros per night in Paris."
    )
    run = ask(runtime, "What do hotels cost per night in Paris?", [("trip.pdf", pdf)], graph=graph)
    message = runtime.threads.messages(run.thread_id, ME)[-1]
    assert "Hotels cost at most 180 euros per night in Paris [" in message.text
    assert message.summary is not None
    assert "trip.pdf" in {source["title"] for source in message.summary.sources}


@pytest.mark.parametrize("graph", ["supervisor", "react"])
def test_rows_of_a_table_are_found(runtime: Runtime, graph: str) -> None:
    run = ask(runtime, "What does Widget 37 cost?", [STOCK], graph=graph)
    assert "price: **55.50** [" in answer(runtime, run)
    again = ask(runtime, "Which city is Widget 101 in?", thread_id=run.thread_id, graph=graph)
    assert "city: **Oslo** [" in answer(runtime, again)
    count = ask(runtime, "How many rows does the table have?", thread_id=run.thread_id, graph=graph)
    assert "120 rows" in answer(runtime, count)


@pytest.mark.parametrize("graph", ["supervisor", "react"])
def test_a_short_file_can_be_summarised_whole(runtime: Runtime, graph: str) -> None:
    run = ask(runtime, "Summarise this file", [TRIP], graph=graph)
    text = answer(runtime, run)
    assert text.startswith("**trip.md** says")
    assert "fourteen days" in text
    assert "Ms Okafor" in text


def test_a_long_file_is_summarised_from_beginning_to_end_and_says_how_much(
    runtime: Runtime,
) -> None:
    parts = [f"Chapter {n} tells how the lake of Arlen froze in winter {n} of its story.\n" * 12
             for n in range(60)]  # fmt: skip
    run = ask(runtime, "Summarise this file", [("lake.txt", "\n".join(parts).encode())])
    text, end = answer(runtime, run), run.events[-1]
    assert "Chapter 0 " in text
    assert "Chapter 5" in text.split("\n")[-1]
    assert end.type == "completed"
    assert "was read for this overview" in str(end.notice)


def test_the_handbook_still_answers_beside_files(runtime: Runtime) -> None:
    run = ask(runtime, "What is the policy on hotels?", [TRIP])
    again = ask(runtime, "How do I add my own LangGraph agent?", thread_id=run.thread_id)
    assert "agents/graphs/" in answer(runtime, again)


def test_a_question_with_a_file_is_not_taken_for_one_about_this_installation(
    runtime: Runtime,
) -> None:
    models = b"model,latency\nAlpha,3\nBeta,9\n"
    run = ask(runtime, "Which model has the highest latency in the table?", [("m.csv", models)])
    [route] = [event for event in run.events if event.type == "route"]
    assert route.agent == "general"


def test_a_question_and_its_files_are_stored_together_or_not_at_all(runtime: Runtime) -> None:
    run = ask(runtime, "Hotels?", [TRIP, STOCK])
    files = runtime.files.store.of_thread(run.thread_id, ME)
    assert [(f.name, f.message_id) for f in files] == [
        ("trip.md", run.place.question_id),
        ("stock.csv", run.place.question_id),
    ]
    with pytest.raises(InvalidInput, match="not here any more"):
        runtime.start(
            TurnRequest(text="And this?", thread_id=run.thread_id, attachments=(new_id(),))
        )
    assert len(runtime.threads.messages(run.thread_id, ME)) == 2


def test_a_refused_file_keeps_the_others_and_its_reason(runtime: Runtime) -> None:
    bad, good = read(runtime.files, ("x.pdf", b"no pdf"), TRIP)
    assert (bad.state, good.state) == ("refused", "ready")
    with pytest.raises(FileRefused, match=r"ends in \.pdf"):
        runtime.start(TurnRequest(text="Hotels?", attachments=(bad.id, good.id)))
    run = runtime.start(TurnRequest(text="Hotels?", attachments=(good.id,)))
    assert [f.name for f in runtime.files.store.of_thread(run.thread_id, ME)] == ["trip.md"]


def test_files_of_one_name_get_numbers_and_the_same_file_is_found_once(runtime: Runtime) -> None:
    other = ("../trip.md", b"Boats are never booked.")
    run = ask(runtime, "Hotels?", [TRIP, other, TRIP])
    names = [f.name for f in runtime.files.store.of_thread(run.thread_id, ME)]
    assert names == ["trip.md", "trip (2).md", "trip.md"]
    infos = runtime.files.store.of_thread(run.thread_id, ME)
    with runtime.files.open_index(run.thread_id, ME, infos) as entry:
        assert len(entry.index.documents()) == 2


def test_the_disk_is_bounded_per_person(tmp_path: Path, runtime: Runtime) -> None:
    files = Files(runtime._databases, tmp_path / "x", Limits(owner_bytes=1_000))
    first, second = read(files, ("a.txt", b"x " * 300), ("b.txt", b"y " * 300))
    assert first.state == "ready"
    assert second.refused is not None
    assert second.refused.reason == "no_room"


def test_too_many_files_with_one_question_are_refused(runtime: Runtime) -> None:
    ids = tuple(one.id for one in read(runtime.files, *[TRIP] * 11))
    with pytest.raises(FileRefused, match="can have 10 files, not 11"):
        runtime.start(TurnRequest(text="Hotels?", attachments=ids))


def test_a_foreign_file_is_an_unknown_file(runtime: Runtime) -> None:
    [theirs] = read(runtime.files, TRIP, owner="ada")
    with pytest.raises(InvalidInput, match="not here any more"):
        runtime.start(TurnRequest(text="Hotels?", attachments=(theirs.id,)))
    run = ask(runtime, "Hotels?", [TRIP])
    [mine] = runtime.files.store.of_thread(run.thread_id, ME)
    for call in (runtime.files.store.content, runtime.files.delete):
        with pytest.raises(NotFound):
            call(mine.id, "ada")
    assert runtime.files.store.of_thread(run.thread_id, "ada") == []


def test_a_missing_index_is_made_again_from_the_files(tmp_path: Path) -> None:
    with house(tmp_path) as first:
        run = ask(first, "Who approves late claims?", [TRIP])
    index = tmp_path / "data" / "files" / f"{run.thread_id}.db"
    assert index.is_file()
    index.unlink()
    with house(tmp_path) as second:
        again = ask(second, "What do hotels cost in Paris?", thread_id=run.thread_id)
        assert "180 euros" in answer(second, again)
    assert index.is_file()


def test_a_damaged_index_is_made_again(tmp_path: Path) -> None:
    with house(tmp_path) as first:
        run = ask(first, "Who approves late claims?", [TRIP])
    index = tmp_path / "data" / "files" / f"{run.thread_id}.db"
    index.write_bytes(b"not a database" * 100)
    with house(tmp_path) as second:
        again = ask(second, "What do hotels cost in Paris?", thread_id=run.thread_id)
        assert "180 euros" in answer(second, again)


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_deleting_a_thread_leaves_no_word_of_its_files(tmp_path: Path) -> None:
    secret = b"The launch code of the Zanzibar probe is Quillfeather."
    with house(tmp_path) as runtime:
        run = ask(runtime, "What is the launch code?", [("code.txt", secret)])
        assert b"Quillfeather" in all_bytes(tmp_path / "data")
        runtime.delete_thread(run.thread_id, ME)
        assert runtime.files.store.of_thread(run.thread_id, ME) == []
    left = all_bytes(tmp_path / "data").lower()
    assert b"quillfeather" not in left
    assert b"code.txt" not in left
    assert list((tmp_path / "data" / "files").iterdir()) == []


def test_deleting_one_file_forgets_it_and_keeps_the_others(tmp_path: Path) -> None:
    secret = b"The launch code of the Zanzibar probe is Quillfeather."
    with house(tmp_path) as runtime:
        run = ask(runtime, "What do hotels cost in Paris?", [("code.txt", secret), TRIP])
        files = {f.name: f.id for f in runtime.files.store.of_thread(run.thread_id, ME)}
        runtime.files.delete(files["code.txt"], ME)
        with runtime.files.open_index(
            run.thread_id, ME, runtime.files.store.of_thread(run.thread_id, ME)
        ) as entry:
            assert entry.retriever.search("Quillfeather launch code") == []
            assert entry.retriever.search("hotels in Paris")
        assert b"quillfeather" not in all_bytes(tmp_path / "data" / "files").lower()


def test_an_index_whose_thread_is_gone_is_removed_at_the_next_start(tmp_path: Path) -> None:
    stray = tmp_path / "data" / "files" / f"{new_id()}.db"
    with house(tmp_path) as runtime:
        stray.parent.mkdir(exist_ok=True)
        stray.write_bytes(b"")
        runtime.files.tidy()
    assert not stray.exists()


def test_a_copy_of_a_thread_takes_its_files_along(runtime: Runtime) -> None:
    run = ask(runtime, "What do hotels cost in Paris?", [TRIP])
    later = ask(runtime, "Widget 3?", [STOCK], thread_id=run.thread_id)
    first_answer = runtime.threads.messages(run.thread_id, ME)[1]
    copy = runtime.threads.copy(run.thread_id, ME, upto=first_answer.id)
    runtime.delete_thread(run.thread_id, ME)
    [kept] = runtime.files.store.of_thread(copy, ME)
    question = runtime.threads.messages(copy, ME)[0]
    assert (kept.name, kept.message_id) == ("trip.md", question.id)
    assert later.thread_id == run.thread_id
    again = ask(runtime, "Who approves late claims?", thread_id=copy)
    assert "Okafor" in answer(runtime, again)


def test_an_edited_question_keeps_its_files(runtime: Runtime) -> None:
    run = ask(runtime, "What do hotels cost in Paris?", [TRIP])
    edited = ask(
        runtime, "Who approves late claims?", thread_id=run.thread_id, edits=run.place.question_id
    )
    found = runtime.files.store.of_messages(run.thread_id, [edited.place.question_id], ME)
    assert [f.name for f in found[edited.place.question_id]] == ["trip.md"]
    assert "Okafor" in answer(runtime, edited)


def test_files_of_a_temporary_thread_do_not_reach_the_data_folder(tmp_path: Path) -> None:
    with house(tmp_path) as runtime:
        run = ask(runtime, "What do hotels cost in Paris?", [TRIP], temporary=True)
        assert "180 euros" in answer(runtime, run)
        assert b"Okafor" not in all_bytes(tmp_path / "data")
    assert b"Okafor" not in all_bytes(tmp_path / "data")


def test_files_of_a_queued_message_are_there_when_it_is_sent(tmp_path: Path) -> None:
    with house(tmp_path) as first:
        run = ask(first, "Hello")
        [ready] = read(first.files, TRIP)
        request = TurnRequest(
            text="What do hotels cost in Paris?", thread_id=run.thread_id, attachments=(ready.id,)
        )
        first.files.keep_waiting(first.checked(request))
        queued = first.queue.add(request)
    with house(tmp_path) as second:
        sent = second.queue.send_now(queued.id, ME)
        for _ in sent.follow():
            pass
        assert "180 euros" in answer(second, sent)
        [kept] = second.files.store.of_thread(run.thread_id, ME)
        assert kept.message_id == sent.place.question_id


def test_no_figure_about_documents_names_a_file(runtime: Runtime) -> None:
    run = ask(runtime, "What do hotels cost in Paris?", [TRIP])
    assert runtime.recorder.flush()
    detail = runtime.queries.run_detail(run.id)
    assert detail is not None
    assert "trip.md" not in str(detail)


def test_files_of_a_queued_message_that_is_deleted_go_with_it(tmp_path: Path) -> None:
    with house(tmp_path) as built:
        run = ask(built, "Hello")
        [ready] = read(built.files, TRIP)
        request = TurnRequest(text="And?", thread_id=run.thread_id, attachments=(ready.id,))
        built.files.keep_waiting(built.checked(request))
        built.queue.remove(built.queue.add(request).id, ME)
        assert built.files.store.of_thread(run.thread_id, ME) == []
