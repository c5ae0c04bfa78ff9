"""CSV of exports and reports; how it is written is said in core/csv_text.py."""

from __future__ import annotations

from core.csv_text import BOM as BOM
from core.csv_text import Cell as Cell
from core.csv_text import csv_lines as csv_lines
from core.csv_text import safe_cell as safe_cell
from core.csv_text import to_csv as to_csv
