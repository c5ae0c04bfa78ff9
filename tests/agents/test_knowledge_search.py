"""Questions find passages: ranking, hostile input, other languages, vectors, whole documents."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.knowledge.index import KnowledgeIndex
from agents.knowledge.search import Retriever
from agents.knowledge.terms import query_terms, words
from agents.knowledge.vectors import missing_vectors, store_vectors
from core.errors import InvalidInput

DOCUMENTS = {
    "billing/refunds.md": "# Refunds\n\nWe refund a payment within 14 days. Write to the billing desk.",
    "billing/invoices.md": "# Invoices\n\nAn invoice is sent by e-mail each month.",
    "technical/ssh.md": "# SSH keys\n\nGenerate a key pair, then add the public key to your account.",
    "technical/models.md": "# Models\n\nUse gpt-4o-mini for routing. The default temperature is 0.2.",
    "policy/privacy.md": "# Privacy\n\nWe delete personal data 30 days after an account is closed.",
    "general/hello.md": "# Welcome\n\nOpen the chat page and type a question.",
    "general/de.md": "# Rechnungen\n\nDie Rechnungsadresse ändern Sie unter Einstellungen; die Kündigungsfrist "
    "beträgt vier Wochen. Überweisungen dauern drei Werktage.",
    "general/ja.md": "# 請求書\n\n請求書の支払い方法を変更するには、設定画面を開いてください。返金は十四日以内です。",
}


@pytest.fixture
def index(tmp_path: Path) -> Iterator[KnowledgeIndex]:
    for name, text in DOCUMENTS.items():
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with KnowledgeIndex(tmp_path / "knowledge.db") as index:
        index.sync(tmp_path / "docs")
        yield index


@pytest.fixture
def retriever(index: KnowledgeIndex) -> Retriever:
    return Retriever(index)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("How do I get a refund?", "billing/refunds.md"),
        ("refunding payments", "billing/refunds.md"),
        ("Where's my INVOICE", "billing/invoices.md"),
        ("generating keys for ssh", "technical/ssh.md"),
        ("which temperature does gpt-4o-mini use", "technical/models.md"),
        ("what happens to my data after I close the account", "policy/privacy.md"),
        ("invoyces invoise", "billing/invoices.md"),
        ("Wie ändere ich die Adresse der Rechnung?", "general/de.md"),
        ("KÜNDIGUNGSFRIST", "general/de.md"),
        ("Uberweisung Dauer", "general/de.md"),
        ("請求書の支払い方法は？", "general/ja.md"),
        ("返金", "general/ja.md"),
    ],
)
def test_a_question_finds_its_passage(retriever: Retriever, query: str, path: str) -> None:
    assert retriever.search(query)[0].passage.path == path


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "?!",
        "what is it?",
        "the and of",
        '"',
        "' OR 1=1 --",
        "***",
        "\x00",
        "\ud800",
        "🎉",
        "a",
    ],
)
def test_a_question_without_a_usable_word_finds_nothing(retriever: Retriever, query: str) -> None:
    assert retriever.search(query) == []


@pytest.mark.parametrize(
    "query",
    [
        'refund" OR title:"x',
        "refund NEAR(payment, 5)",
        "refund AND NOT payment",
        "title : refund",
        "-refund +payment ^desk",
        "refund*",
        "{title heading}: refund",
        "refund \x00payment",
        'refund"; DROP TABLE passages; --',
        "refund (((",
        "refund \ud800 \u202e",
    ],
)
def test_query_language_in_a_question_is_only_words(retriever: Retriever, query: str) -> None:
    assert retriever.search(query)[0].passage.path == "billing/refunds.md"


def test_areas_limit_the_search(retriever: Retriever) -> None:
    hits = retriever.search("account payment key", areas=["policy", "technical"])
    assert {hit.passage.area for hit in hits} == {"policy", "technical"}
    assert retriever.search("refund", areas=["policy"]) == []
    assert retriever.search("refund", areas=["no such area"]) == []
    assert retriever.search("refund", areas=[]) == []


def test_k_bounds_the_hits_and_order_is_stable(retriever: Retriever) -> None:
    hits = retriever.search("account payment key data page", k=3)
    assert len(hits) == 3
    assert hits == retriever.search("account payment key data page", k=3)
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert retriever.search("refund", k=0) == []


def test_ranks_tell_which_list_found_a_passage(retriever: Retriever) -> None:
    assert dict(retriever.search("refund")[0].ranks) == {"stems": 1, "trigrams": 1}
    assert dict(retriever.search("Adresse")[0].ranks) == {"trigrams": 1}


def test_relevance_says_when_nothing_fits(retriever: Retriever) -> None:
    fits = retriever.search("refund a payment within 14 days")[0]
    partly = retriever.search("refund a broken washing machine")[0]
    foreign = retriever.search("best days for planting tomatoes on balconies")[0]
    assert fits.relevance > 0.7 > 0.45 > partly.relevance > foreign.relevance


def test_short_words_do_not_match_inside_others(retriever: Retriever) -> None:
    """`eat` is in `create`, `cat` in `location`: no evidence."""
    assert retriever.search("eat cat ate") == []


def test_a_question_of_20000_characters_is_searched_by_its_rarest_words(
    retriever: Retriever,
) -> None:
    filler = " ".join(f"filler{n}" for n in range(3000))
    assert retriever.search(f"refund payment desk {filler}")[0].passage.path == "billing/refunds.md"
    assert retriever.search("account " * 2500)[0].relevance > 0


def test_new_text_is_found_after_the_next_sync(
    retriever: Retriever, index: KnowledgeIndex, tmp_path: Path
) -> None:
    assert retriever.search("zeppelin") == []
    (tmp_path / "docs" / "general" / "z.md").write_text("# Zeppelin\n\nA zeppelin.")
    index.sync(tmp_path / "docs")
    assert retriever.search("zeppelin")[0].passage.title == "Zeppelin"


def test_searches_from_many_threads_agree(retriever: Retriever) -> None:
    expected = retriever.search("refund a payment")
    results: list[object] = []
    threads = [
        threading.Thread(target=lambda: results.append(retriever.search("refund a payment")))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert results == [expected] * 12


def test_words_split_as_the_index_does() -> None:
    assert words("The user's gpt-4o_mini isn’t “ready”") == [
        "the",
        "user",
        "gpt",
        "4o",
        "mini",
        "isn't",
        "ready",
    ]
    assert [t.text for t in query_terms("Is the refund, REFUND of 14 € ok?")] == ["refund", "14"]
    assert [t.text for t in query_terms("返金は")] == ["返金は"]


# ---- Whole documents


def test_documents_that_fit_come_whole_whatever_the_question(retriever: Retriever) -> None:
    one = retriever.best_documents("refund", ["billing"], 10_000)
    assert one == retriever.best_documents("something else", ["billing"], 10_000)
    assert [d.info.path for d in one.documents] == ["billing/invoices.md", "billing/refunds.md"]


def test_the_best_documents_are_chosen_when_not_all_fit(retriever: Retriever) -> None:
    chosen = retriever.best_documents("refund a payment, and the invoice", None, 160)
    assert [d.info.path for d in chosen.documents] == ["billing/invoices.md", "billing/refunds.md"]
    assert [p.title for d in chosen.documents for p in d.passages] == ["Invoices", "Refunds"]
    few = retriever.best_documents("refund", None, 90)
    assert [d.info.path for d in few.documents] == ["billing/refunds.md"]
    assert retriever.best_documents("refund", None, 10).left_out == ("billing/refunds.md",)


# ---- Vectors


def test_vectors_are_a_third_list(retriever: Retriever, index: KnowledgeIndex) -> None:
    missing = missing_vectors(index, "test-embed")
    assert [p.path for p in missing] == sorted(DOCUMENTS)
    vectors = {p.passage_id: [1.0, float(n), 0.5] for n, p in enumerate(missing)}
    assert store_vectors(index, "test-embed", vectors) == len(missing)
    assert missing_vectors(index, "test-embed") == []
    assert len(missing_vectors(index, "another", limit=2)) == 2
    hits = retriever.search("refund", query_vector=[1.0, 0.0, 0.5], model="test-embed")
    by_path = {hit.passage.path: dict(hit.ranks) for hit in hits}
    assert by_path["billing/invoices.md"]["vectors"] == 1
    assert by_path["billing/refunds.md"] == {"stems": 1, "trigrams": 1, "vectors": 2}
    assert hits[0].passage.path == "billing/refunds.md"
    only = retriever.search(
        "zzz", query_vector=[1.0, 0.0, 0.5], model="test-embed", areas=["policy"]
    )
    assert [hit.passage.path for hit in only] == ["policy/privacy.md"]
    assert retriever.search("zzz", query_vector=[1.0, 0.0], model="test-embed") == []
    assert retriever.search("zzz", query_vector=[1.0, 0.0, 0.5], model="unknown") == []


def test_vectors_follow_their_passages(
    retriever: Retriever, index: KnowledgeIndex, tmp_path: Path
) -> None:
    store_vectors(index, "m", {p.passage_id: [1.0, 2.0] for p in missing_vectors(index, "m")})
    (tmp_path / "docs" / "general" / "hello.md").write_text("# Welcome\n\nChanged.")
    (tmp_path / "docs" / "billing" / "refunds.md").unlink()
    index.sync(tmp_path / "docs")
    assert [p.path for p in missing_vectors(index, "m")] == ["general/hello.md"]
    hits = retriever.search("zzz", k=50, query_vector=[1.0, 2.0], model="m")
    assert len(hits) == len(DOCUMENTS) - 2


@pytest.mark.parametrize(
    "vector", [[], [0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0], [1.0, 2.0, 3.0]]
)
def test_unusable_vectors_are_refused(index: KnowledgeIndex, vector: list[float]) -> None:
    first, second, *_ = missing_vectors(index, "m")
    store_vectors(
        index, "m", {first.passage_id: [1.0, 2.0], "of a passage that is gone": [1.0, 2.0]}
    )
    with pytest.raises(InvalidInput):
        store_vectors(index, "m", {second.passage_id: vector})
    assert second in missing_vectors(index, "m")
