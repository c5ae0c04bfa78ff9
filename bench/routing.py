"""Measures retrieval and the keyless route on real articles; prints one JSON object per line.

    SWITCHBOARD_TEST_DATA=/path/to/knowledge python -m bench.routing

The folder holds `technical`, `billing`, `policy` and `general`. Three sets of questions, none of which
can find its own words: the title of an article whose title was taken out, one heading of an article
whose heading was taken out, and questions written by hand from the list of titles (for the 438 articles
of GitHub Docs; with other data they say nothing). The weights in agents/ were chosen on these questions;
their two halves, split by hash, agree within two points for the first two sets, ten for the third.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agents.knowledge.index import KnowledgeIndex
from agents.knowledge.markdown import markdown_blocks
from agents.knowledge.passages import read_document
from agents.knowledge.search import Retriever
from agents.knowledge.terms import content_words
from agents.vote import AREAS, CONFIDENT_RELEVANCE, vote


@dataclass(frozen=True, kw_only=True)
class Question:
    text: str
    area: str
    path: str | None = None
    """The article that answers it, where one does."""


@dataclass(kw_only=True)
class Tally:
    questions: int = 0
    right: int = 0
    confident: int = 0
    confident_right: int = 0
    found_first: int = 0
    found_in_5: int = 0
    relevance: list[float] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)

    @property
    def accuracy(self) -> float:
        return self.right / self.questions

    @property
    def coverage(self) -> float:
        return self.confident / self.questions

    @property
    def confident_accuracy(self) -> float:
        return self.confident_right / max(1, self.confident)


def data_folder() -> Path | None:
    """The folder named by SWITCHBOARD_TEST_DATA, or `knowledge` in it; None without one."""
    name = os.environ.get("SWITCHBOARD_TEST_DATA")
    for folder in (Path(name), Path(name) / "knowledge") if name else ():
        if (folder / AREAS[0]).is_dir():
            return folder
    return None


def held_out(source: Path, target: Path, kind: str) -> list[Question]:
    """Writes the articles without their title (or one heading each) and returns those as questions.

    The copies have numbers for names: a file name says the title again.
    """
    questions = []
    articles = [(area, file) for area in AREAS for file in sorted((source / area).glob("*.md"))]
    for number, (area, file) in enumerate(articles):
        document = read_document(f"{area}/{file.name}", area, file.read_bytes())
        path = f"{area}/{number:04}.md"
        asked = (
            document.title if kind == "title" else _one_heading(path, document.text, document.title)
        )
        if asked is not None:
            questions.append(Question(text=asked, area=area, path=path))
        (target / area).mkdir(parents=True, exist_ok=True)
        (target / path).write_text(_without_heading(document.text, asked), encoding="utf-8")
    return questions


def _one_heading(path: str, text: str, title: str) -> str | None:
    """Any heading that says something, chosen by hash so that every run asks the same."""
    headings = {block.text for block in markdown_blocks(text) if block.kind == "heading"}
    telling = [name for name in headings if name != title and len(content_words(name)) >= 3]
    return min(
        telling, key=lambda name: hashlib.sha256((path + name).encode()).digest(), default=None
    )


def _without_heading(text: str, name: str | None) -> str:
    kept, fenced = [], False
    for line in text.split("\n"):
        fenced ^= re.match(r"\s*(```|~~~)", line) is not None
        blocks = [] if fenced or not line.startswith("#") else markdown_blocks(line)
        if not (blocks and blocks[0].text == name):
            kept.append(line)
    return "\n".join(kept)


def ask(retriever: Retriever, questions: Iterable[Question]) -> Tally:
    tally = Tally()
    for question in questions:
        began = time.perf_counter()
        hits = retriever.search(question.text, k=10)
        tally.times_ms.append((time.perf_counter() - began) * 1000)
        result = vote(hits)
        right = result.best == question.area
        paths = [hit.passage.path for hit in hits]
        tally.questions += 1
        tally.right += right
        tally.confident += result.confident
        tally.confident_right += right and result.confident
        tally.found_first += question.path in paths[:1]
        tally.found_in_5 += question.path in paths[:5]
        tally.relevance.append(result.relevance)
    return tally


def measure(source: Path) -> Iterator[tuple[str, float, str]]:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for kind in ("title", "heading"):
            questions = held_out(source, work / kind, kind)
            with KnowledgeIndex(work / f"{kind}.db") as index:
                index.sync(work / kind)
                tally = ask(Retriever(index), questions)
            yield from _figures(kind, tally)
            yield f"{kind}.found_first", tally.found_first / tally.questions, "share"
            yield f"{kind}.found_in_5", tally.found_in_5 / tally.questions, "share"
        with KnowledgeIndex(work / "whole.db") as index:
            report = index.sync(source)
            yield "index.documents", report.added, "documents"
            yield "index.passages", report.passages, "passages"
            yield "index.first", report.duration_ms, "ms"
            yield "index.again", index.sync(source).duration_ms, "ms"
            yield "index.size", index.path.stat().st_size / 1e6, "MB"
            retriever = Retriever(index)
            written = ask(retriever, by_hand())
            yield from _figures("by_hand", written)
            foreign = ask(retriever, (Question(text=text, area="") for text in FOREIGN))
            yield "foreign.confident", foreign.coverage, "share"
            told = (
                sum(value >= CONFIDENT_RELEVANCE for value in written.relevance) / written.questions
            )
            refused = (
                sum(value < CONFIDENT_RELEVANCE for value in foreign.relevance) / foreign.questions
            )
            yield "relevance.own_accepted", told, "share"
            yield "relevance.foreign_refused", refused, "share"


def _figures(name: str, tally: Tally) -> Iterator[tuple[str, float, str]]:
    times = statistics.quantiles(tally.times_ms, n=100)
    yield f"{name}.questions", tally.questions, "questions"
    yield f"{name}.accuracy", tally.accuracy, "share"
    yield f"{name}.confident_accuracy", tally.confident_accuracy, "share"
    yield f"{name}.coverage", tally.coverage, "share"
    yield f"{name}.search_p50", times[49], "ms"
    yield f"{name}.search_p99", times[98], "ms"


def by_hand() -> list[Question]:
    return [
        Question(text=text, area=area)
        for area, texts in BY_HAND.items()
        for text in texts.splitlines()
    ]


BY_HAND = {
    "technical": """\
My workflow keeps failing with permission denied publickey, what should I check?
how do I rotate an ssh key passphrase
I lost my phone and cannot get the two factor code any more
How can I cache npm packages between builds?
Which operating systems do the hosted runners offer?
can I run a job every night at 3am
how do I pass a secret to a step
git says the ssl certificate could not be verified
How do I publish a docker image from a workflow?
Move my CI from Jenkins
why is my commit shown as unverified
set an expiry for my gpg key
how long are build logs and artifacts kept
run tests against a postgres database in CI
I pushed a password by accident, how do I remove it from the history?
What scopes should a personal access token have?
run my own runner behind a corporate proxy
stop a job that hangs
label issues automatically when they are opened
what does exit code mean for an action""",
    "billing": """\
How much does a minute on macOS runners cost?
my credit card expired, where do I change it
Can I get an invoice with our VAT number on it?
How do I stop paying for the marketplace app we no longer use?
is there a discount for teachers
What happens to my private repositories when I go back to the free plan?
how do I get the money my sponsors gave me
we used up all included storage for large files
set a limit so that we are never charged more than 50 dollars
switch from monthly to yearly payment
where can I enter a coupon code
how many seats do we pay for
I want to sponsor a developer every month
which payment methods do you take
students free pack
does upgrading in the middle of the month cost the full price""",
    "policy": """\
Someone copied my code without permission, how do I get it taken down?
Am I allowed to use your logo on my website?
A user keeps insulting people in our issues
what personal data do you collect about me
do you hand over user data to the police
My trademark is used by another account as user name
can I publish malware for research
how do I block somebody
which countries are under sanctions
what uptime do you guarantee to enterprise customers
may I scrape your site
what happens to an account when its owner dies
how do I answer a copyright claim that is wrong
are employees allowed to accept gifts from suppliers
is it ok to post sexual pictures
how do I appeal against a suspension
which sub processors handle our data
somebody posted my home address""",
    "general": """\
how do I undo a merge conflict after rebasing
I want to change my user name
how can I stop getting so many emails about a repository
What is the difference between git and svn?
which browsers do you support
how do I star a repository
what is a fork good for
search for code in one organization only
I have two accounts and want only one
which keyboard shortcuts are there
how do I open a support ticket
delete my account for good
make my membership of an organization visible
git asks for my password each time
how do I add a readme to my profile
cannot push: non fast forward
import a project from another version control system
what can an outside collaborator do in my repository""",
}

FOREIGN = """\
best recipe for chocolate cake
who won the world cup in 2018
how do I grow tomatoes on a balcony
What is the capital of Australia?
translate good morning into Spanish
how far is the moon
give me a poem about autumn
What is the boiling point of water at 3000 metres?
my cat does not eat
is it going to rain tomorrow
how do I tie a bow tie
explain photosynthesis
what is the meaning of life
recommend a hotel in Lisbon
symptoms of the flu
how do I remove red wine from a carpet
train times from London to Paris
who wrote War and Peace
what should I wear to a wedding
how does a diesel engine work
convert 10 miles to kilometres
what is the best phone this year
tell me a joke
play some music
how do vaccines work
when was Napoleon born
calories in a banana
learn to play guitar chords
what time is it in Tokyo
fix a flat bicycle tyre""".splitlines()


if __name__ == "__main__":
    data = data_folder()
    if data is None:
        sys.exit(
            "Set SWITCHBOARD_TEST_DATA to a folder with technical, billing, policy and general."
        )
    for name, value, unit in measure(data):
        print(json.dumps({"name": f"routing.{name}", "value": round(value, 4), "unit": unit}))
