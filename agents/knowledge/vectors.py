"""Optional dense search: float32 vectors beside the passages, compared in one matrix product.

Who embeds is not known here: the caller brings vectors and the name of the model that made them.
Below some 100,000 passages this needs no vector database. numpy is imported on first use.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from agents.knowledge.index import KnowledgeIndex
from agents.knowledge.passages import Passage
from agents.knowledge.rows import PASSAGE_COLUMNS, as_passage, revision
from core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = tuple["NDArray[np.int64]", "NDArray[np.float32]", list[str]]


def missing_vectors(index: KnowledgeIndex, model: str, limit: int = 1000) -> list[Passage]:
    """Passages that have no vector of this model yet, at most `limit`, in a stable order."""
    with index.reader() as db:
        rows = db.execute(
            f"SELECT {PASSAGE_COLUMNS} FROM passages AS p JOIN documents AS d ON d.id = p.document_id"
            " WHERE NOT EXISTS (SELECT 1 FROM vectors AS v WHERE v.model = ?"
            " AND v.passage_id = p.passage_id) ORDER BY d.path, p.ordinal LIMIT ?",
            (model, limit),
        ).fetchall()
    return [as_passage(row) for row in rows]


def count_vectors(index: KnowledgeIndex, model: str) -> tuple[int, int]:
    """(passages that have a vector of this model, passages in all)."""
    with index.reader() as db:
        [done] = db.execute("SELECT count(*) FROM vectors WHERE model = ?", (model,)).fetchone()
        [total] = db.execute("SELECT count(*) FROM passages").fetchone()
    return done, total


def store_vectors(index: KnowledgeIndex, model: str, vectors: Mapping[str, Sequence[float]]) -> int:
    """Keeps vectors by passage id, normalised; returns how many.

    Passages that are gone meanwhile are passed over. Raises InvalidInput for a vector that is empty,
    not finite, all zero, or of another length than those the model already has.
    """
    rows = [
        (model, passage_id, *_packed(vector), passage_id) for passage_id, vector in vectors.items()
    ]
    if not rows:
        return 0
    with index.writer() as db:
        known = db.execute("SELECT dims FROM vectors WHERE model = ? LIMIT 1", (model,)).fetchone()
        sizes = {row[2] for row in rows} | ({known[0]} if known else set())
        if len(sizes) > 1:
            raise InvalidInput(f"Vectors of {model} have different lengths: {sorted(sizes)}.")
        stored = db.executemany(
            "INSERT OR REPLACE INTO vectors (model, passage_id, dims, blob) SELECT ?, ?, ?, ?"
            " WHERE EXISTS (SELECT 1 FROM passages WHERE passage_id = ?)",
            rows,
        ).rowcount
        db.execute("UPDATE state SET value = value + 1 WHERE name = 'vector_revision'")
    return stored


def _packed(vector: Sequence[float]) -> tuple[int, bytes]:
    import numpy as np

    array = np.asarray(vector, dtype=np.float32)
    length = float(np.linalg.norm(array)) if array.ndim == 1 else 0.0
    if not length or not np.isfinite(length):
        raise InvalidInput("An embedding is empty, zero or not finite.")
    return array.size, (array / np.float32(length)).astype("<f4").tobytes()


class Matrices:
    """The vectors of one model as a matrix, read again when passages or vectors changed.

    One model only: an installation uses one, and a second would double the memory.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[str, int, int] | None = None
        self._matrix: Matrix | None = None

    def nearest(
        self,
        db: sqlite3.Connection,
        model: str,
        query_vector: Sequence[float],
        limit: int,
        areas: Sequence[str] | None,
    ) -> list[int]:
        """Rows by cosine, best first; [] when the model has no vectors of this length."""
        import numpy as np

        matrix = self._current(db, model)
        query = np.asarray(query_vector, dtype=np.float32)
        if matrix is None or query.shape != matrix[1].shape[1:] or not np.isfinite(query).all():
            return []
        ids, vectors, area_of = matrix
        scores = vectors @ query
        if areas is not None:
            scores[~np.isin(np.asarray(area_of), list(areas))] = -np.inf
        limit = min(limit, len(ids))
        top = np.argpartition(-scores, limit - 1)[:limit]
        top = top[np.argsort(-scores[top], kind="stable")]
        return [int(ids[i]) for i in top if scores[i] > -np.inf]

    def _current(self, db: sqlite3.Connection, model: str) -> Matrix | None:
        key = (model, revision(db), revision(db, "vector_revision"))
        with self._lock:
            if self._key != key:
                self._matrix, self._key = _load(db, model), key
            return self._matrix


def _load(db: sqlite3.Connection, model: str) -> Matrix | None:
    import numpy as np

    rows = db.execute(
        "SELECT p.id, v.blob, p.area FROM vectors AS v JOIN passages AS p"
        " ON p.passage_id = v.passage_id WHERE v.model = ? ORDER BY p.id",
        (model,),
    ).fetchall()
    if not rows:
        return None
    dims = len(rows[0][1]) // 4
    vectors = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f4").reshape(len(rows), dims)
    return np.array([row[0] for row in rows], dtype=np.int64), vectors, [row[2] for row in rows]
