"""Past calls from CSV files: mapping of columns, a check that changes nothing, and the import.

`mapping.py`: which column is what, presets, guesses. `source.py`: the file as rows of cells, bounded.
`values.py`: cells as values, with named reasons. `check.py`: what an import would do. `load.py`:
rows into the database and out again. `job.py`: one import in the background.
"""

from analytics.imports.check import CheckResult, check
from analytics.imports.job import ImportJobs, JobState
from analytics.imports.load import (
    ImportResult,
    delete_import,
    import_calls,
    kept_since,
    list_imports,
)
from analytics.imports.mapping import PRESETS, ColumnMapping, Field, guess
from analytics.imports.source import Source
from analytics.imports.values import Call, Rejected

__all__ = [
    "PRESETS",
    "Call",
    "CheckResult",
    "ColumnMapping",
    "Field",
    "ImportJobs",
    "ImportResult",
    "JobState",
    "Rejected",
    "Source",
    "check",
    "delete_import",
    "guess",
    "import_calls",
    "kept_since",
    "list_imports",
]
