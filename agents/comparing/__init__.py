"""Comparisons of the Compare page: who stands side by side, what was asked, and how it was judged."""
