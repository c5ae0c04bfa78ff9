"""Comes next."""

from pages.components import session

runtime = session.begin_page()
