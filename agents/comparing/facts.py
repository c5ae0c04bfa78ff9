"""What an ended answer cost and looks like, for those who count votes and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.comparing.values import Facts
from core.text_features import traits_of

if TYPE_CHECKING:
    from agents.run_store import EndedAnswer
    from core.catalog import Catalog

GONE = Facts(status="deleted")
"""Of a run whose thread was deleted before anybody looked."""


def facts_of(ended: EndedAnswer | None, catalog: Catalog) -> Facts:
    """Of one run; None: it is not there any more."""
    if ended is None:
        return GONE
    from agents.evaluation.leaks import identity_leak

    summary, shape = ended.summary, traits_of(ended.text)
    names = [summary.model, catalog.display_name(summary.model)] if summary.model else []
    passages = "\n".join(f"{s['title']}\n{s['text']}" for s in summary.sources)
    return Facts(
        status=summary.status,
        model=summary.model,
        agent=summary.agent,
        ttft_us=summary.ttft_us,
        duration_us=summary.duration_us,
        tokens_per_s=summary.tokens_per_s,
        input_tokens=summary.input_tokens,
        output_tokens=summary.output_tokens,
        cost_pusd=summary.cost_pusd if summary.cost_complete else None,
        fallbacks=len(summary.fallbacks),
        words=shape.words,
        headings=shape.headings,
        list_items=shape.list_items,
        bold=shape.bold,
        citations=len(shape.citations),
        leak=identity_leak(ended.text, names, ended.question, passages),
    )
