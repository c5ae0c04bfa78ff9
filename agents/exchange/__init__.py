"""Conversations out of this program and into it: formats, files, and the way into the database."""
