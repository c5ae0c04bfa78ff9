"""Answers given again: the same person, the same question, and nothing changed that it depends on."""

from agents.answer_cache.desk import AnswerCache

__all__ = ["AnswerCache"]
