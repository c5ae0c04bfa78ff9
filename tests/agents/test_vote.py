"""The keyless route: the vote of retrieved areas, and questions about Switchboard's own traffic."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.followup import standalone
from agents.knowledge.index import KnowledgeIndex
from agents.knowledge.passages import Passage
from agents.knowledge.search import Hit, Retriever
from agents.vote import is_metrics_question, vote
from bench.routing import ask, by_hand, data_folder, held_out


def hit(area: str, relevance: float) -> Hit:
    passage = Passage(
        passage_id="p", path=f"{area}/x.md", title="", heading="", area=area, ordinal=0, text=""
    )
    return Hit(passage=passage, score=0.01, relevance=relevance, ranks={})


def test_nothing_found_is_general_and_not_confident() -> None:
    result = vote([])
    assert (result.best, result.confident, result.margin) == ("general", False, 0.0)
    assert result.reason == "No passage matches the question."
    assert vote([hit("billing", 0.0)]).best == "general"


def test_agreement_is_confident_and_shares_sum_to_one() -> None:
    result = vote([hit("billing", 0.9), hit("billing", 0.8), hit("policy", 0.4)])
    assert (result.best, result.confident) == ("billing", True)
    assert sum(result.scores.values()) == pytest.approx(1)
    assert result.reason == "94% of the weight of the passages found is billing."


def test_earlier_and_more_relevant_passages_weigh_more() -> None:
    assert vote([hit("policy", 0.9), hit("billing", 0.9)]).best == "policy"
    assert vote([hit("policy", 0.3), hit("billing", 0.9)]).best == "billing"


def test_divided_passages_are_not_confident() -> None:
    result = vote([hit("policy", 0.9), hit("billing", 0.9)])
    assert not result.confident
    assert result.reason == "The passages found are divided: policy 60%, billing 40%."


def test_low_relevance_is_not_confident() -> None:
    result = vote([hit("policy", 0.3)] * 5)
    assert (result.best, result.confident) == ("policy", False)
    assert result.reason == "The best passage covers only 30% of the question."


def data_folders_of_the_operators_own_vote_for_general() -> None:
    result = vote([hit("Handbook", 0.9), hit("Billing", 0.5)])
    assert result.scores["general"] > result.scores["billing"] > 0


def test_only_the_ten_best_vote() -> None:
    assert vote([hit("policy", 0.5)] * 10 + [hit("billing", 1.0)] * 90).best == "policy"


METRICS = """
how many runs today
How many runs did we have yesterday?
how many runs were there this morning
what did gpt-4o-mini cost this week
What did gpt-4o-mini cost?
p95 latency by agent
p99 latency
which model is slowest
Which model is the cheapest per run?
Which provider costs the most?
error rate last 24 hours
What was the error rate in the last 7 days?
show me the cost per model
Can you show me tokens by model?
Could you please list the slowest runs of this week?
how much have we spent so far
How much did we spend last month?
total cost this month
cost by agent
average time to first token today
What is our p95 latency?
what is the median latency?
how many tokens did the billing agent use yesterday
How many conversations were cancelled last week?
How many errors were there today?
Which agent had the most failures since Monday?
most expensive model
most used agent this week
compare latency between models
fallback rate by provider
number of users in the past 30 days
TTFT by model over the last hour
Was nova-lite slow this morning?
Why was latency so high yesterday?
how fast is each agent on average today
Show traffic for the last 6 hours
Hi, what's the failure rate today?
How many questions have been answered today?
tokens per second by model
What's the average cost per answer?
Top 5 models by cost this week
HOW MANY   RUNS\tTODAY?!
"""
OTHER = """
How is cost computed?
What does TTFT mean?
What is TTFT?
What is p95 latency?
How do I see what an answer cost?
How much does Switchboard cost?
How much does gpt-4o-mini cost?
Where can I find the cost per model?
How are tokens counted?
How does the dashboard compute percentiles?
Explain the error rate chart
What is the difference between latency and time to first token?
How many requests per hour are allowed?
How many runs can be active at once?
What is the maximum number of tokens per message?
How many seats do we pay for this month?
Why did my workflow run fail yesterday?
How many minutes have we used this month?
What did my subscription cost last year?
I got an error today when pushing to my repository
my build was slow today
How do I reduce latency?
How can I lower the token usage of an agent?
Which model should I use?
Which model is best for coding?
Can I export the runs of last week?
How do I list the runs of today through the API?
Where is the cost of each model configured?
What is a run?
refund for last month
How long are messages kept?
How do alerts on the error rate work?
Is Postgres faster than SQLite?
How fast is Switchboard?
Set up an alert for cost per day
How much did the invoice of last month cost?
What is the cost per seat per month?
Why?
what about yesterday
Tell me a joke
Which plan is cheapest?
How much does a minute on macOS runners cost?
What happens when a model fails?
Which models are supported?
My personal access token expired yesterday
I lost my token today
How do I compare two models?
Wie viel kostet das?
"""


@pytest.mark.parametrize("question", METRICS.strip().splitlines())
def test_a_question_about_recorded_traffic_is_recognised(question: str) -> None:
    assert is_metrics_question(question)


@pytest.mark.parametrize("question", OTHER.strip().splitlines())
def test_a_question_for_the_documents_is_left_to_them(question: str) -> None:
    assert not is_metrics_question(question)


@pytest.mark.parametrize(
    ("question", "metrics"),
    [("and by model?", True), ("what about yesterday?", True), ("and how do I lower it?", False)],
)
def test_a_follow_up_on_traffic_is_about_traffic_too(question: str, metrics: bool) -> None:
    whole = standalone(question, [("user", "p95 latency today"), ("assistant", "2.1 s")])
    assert is_metrics_question(whole) is metrics


def test_a_pasted_log_is_no_metrics_question() -> None:
    assert not is_metrics_question("how many runs today\n" + "INFO error rate today\n" * 50)
    assert not is_metrics_question("how many runs today " * 5000)


def test_none_of_the_hand_written_support_questions_is_taken_for_one() -> None:
    assert [q.text for q in by_hand() if is_metrics_question(q.text)] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "accuracy", "confident", "coverage", "found_in_5"),
    [("title", 0.92, 0.95, 0.85, 0.74), ("heading", 0.89, 0.925, 0.86, 0.76)],
)
def test_the_vote_is_right_on_real_articles(
    tmp_path: Path, kind: str, accuracy: float, confident: float, coverage: float, found_in_5: float
) -> None:
    """Floors two to five points below what bench/routing.py measured on 438 articles."""
    source = data_folder()
    if source is None:
        pytest.skip(
            "SWITCHBOARD_TEST_DATA does not name a folder of technical, billing, policy, general"
        )
    questions = held_out(source, tmp_path / kind, kind)
    with KnowledgeIndex(tmp_path / "knowledge.db") as index:
        index.sync(tmp_path / kind)
        tally = ask(Retriever(index), questions)
    assert tally.accuracy >= accuracy
    assert tally.confident_accuracy >= confident
    assert tally.coverage >= coverage
    assert tally.found_in_5 / tally.questions >= found_in_5
