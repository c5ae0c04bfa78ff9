"""Follow-ups become questions that can be searched; everything else is left as it is."""

from __future__ import annotations

import pytest

from agents.followup import leans_on_context, standalone

FIRST = "How do I connect a MySQL database?"
HISTORY = [
    ("user", FIRST),
    (
        "assistant",
        "Use the **connection pool** setting [1]. Then:\n\n"
        "1. Open the settings page\n2. Enter the database URL\n3. Restart the server",
    ),
]

GOES_ON = """
and for Postgres?
what about Oracle?
How about on Windows
or via SSH?
but why?
why?
Why not?
how long?
how much?
on Windows?
for a team of five?
Postgres?
more details please
Can you give me an example?
Tell me more
what if the server is down?
ok, and without a password?
instead with SQLite
since when?
"""
POINTS = """
how much does it cost?
Is that included in the free plan?
How do I undo this?
Can I cancel it later?
what does that mean?
How do they compare?
Does it work with SQLite?
but is it safe?
What happens after that?
How do I fix this error?
Is there a limit for those?
which one is faster?
Why is this needed?
"""
STANDS_ALONE = """
How do I rotate an SSH key?
refund policy
docker
What did gpt-4o-mini cost this week?
If my payment fails, will it be retried?
How do I install git and configure it?
When I stop a run, does it still cost money?
Where can I see how many runs there were this month?
Is it possible to export a thread?
Is it safe to share a link?
What time is it in Tokyo?
What is this error: permission denied (publickey)?
How many people can use this product?
Does the plan that we have include storage?
make sure that the file is saved
thanks!
Thank you very much
hello
OK great
yes

?!
🎉
Wie richte ich einen Schlüssel ein?
請求書はどこですか
"""


@pytest.mark.parametrize("question", GOES_ON.strip().splitlines())
def test_a_follow_up_is_searched_with_the_question_before_it(question: str) -> None:
    assert standalone(question, HISTORY) == f"{FIRST} {question}"


@pytest.mark.parametrize("question", POINTS.strip().splitlines())
def test_a_pronoun_also_brings_the_topic_of_the_last_answer(question: str) -> None:
    assert standalone(question, HISTORY) == f"{FIRST} connection pool {question}"


@pytest.mark.parametrize("question", STANDS_ALONE.splitlines()[1:])
def test_a_question_that_stands_alone_comes_back_unchanged(question: str) -> None:
    assert standalone(question, HISTORY) == question


@pytest.mark.parametrize("question", [*GOES_ON.strip().splitlines(), *POINTS.strip().splitlines()])
def test_without_an_earlier_question_nothing_is_added(question: str) -> None:
    assert standalone(question, []) == question
    assert standalone(question, [("assistant", "Welcome!")]) == question


@pytest.mark.parametrize(
    ("question", "item"),
    [
        ("what about the second one?", "enter url"),
        ("Explain the third step", "restart server"),
        ("the last one", "restart server"),
        ("the first option?", "open settings page"),
    ],
)
def test_an_ordinal_names_an_item_of_the_last_answer(question: str, item: str) -> None:
    """Words the question before has already are not said twice."""
    assert standalone(question, HISTORY) == f"{FIRST} {item} {question}"


def test_a_chain_of_follow_ups_keeps_its_first_question() -> None:
    history = [*HISTORY, ("user", "and for Postgres?"), ("assistant", "The same.")]
    assert standalone("on Windows?", history) == f"{FIRST} and for Postgres? on Windows?"


def test_a_new_topic_ends_the_chain() -> None:
    history = [*HISTORY, ("user", "How do I rotate an SSH key?"), ("assistant", "With ssh-keygen.")]
    assert standalone("why?", history) == "How do I rotate an SSH key? why?"


def test_a_chain_does_not_grow_without_end() -> None:
    history = [("user", f"and option {n}?") for n in range(500)]
    assert len(standalone("why?", history)) < 200


def test_a_long_earlier_question_gives_its_telling_words_only() -> None:
    pasted = "Please look at this: " + "the server answered with a timeout and a retry, " * 400
    result = standalone("why?", [("user", pasted)])
    assert result == "look server answered timeout retry why?"


def test_an_answer_without_marks_gives_the_names_it_mentions() -> None:
    history = [
        ("user", "Which store is used?"),
        ("assistant", "By default it is SQLite in WAL mode [2]."),
    ]
    assert standalone("How do I back it up?", history) == (
        "Which store is used? SQLite WAL How do I back it up?"
    )


def test_roles_of_langchain_are_understood() -> None:
    assert standalone("why?", [("human", FIRST), ("ai", "Because.")]) == f"{FIRST} why?"


@pytest.mark.parametrize(
    "text", ["it " * 10_000, "a, " * 10_000, "the second " * 5000, "\ud800 it?", "[" * 9999]
)
def test_hostile_text_is_answered_quickly(text: str) -> None:
    assert leans_on_context(text) in ("no", "topic", "pointing")
    assert isinstance(standalone("what about it?", [("user", text), ("assistant", text)]), str)
