"""How exported rows are written: CSV, JSON lines, Parquet.

Columns are named as in the schema. A moment (`…_at_us`, integer microseconds) is followed by the
same moment without `_us`: ISO 8601 in the reporting zone, a timestamp with zone in Parquet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal, Protocol, get_args
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Float, Integer

from analytics.export_csv import BOM, csv_lines
from analytics.timeaxis import local

ExportFormat = Literal["csv", "jsonl", "parquet"]
EXPORT_FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
EXPORT_MIME: dict[str, str] = {
    "csv": "text/csv",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
_MOMENT = "_at_us"
Row = dict[str, Any]


class RowWriter(Protocol):
    """Takes rows in pieces. `close` ends the format, not the file."""

    def write(self, rows: Sequence[Row]) -> None: ...

    def close(self) -> None: ...


def open_writer(
    form: ExportFormat, file: IO[bytes], columns: Sequence[Column[Any]], zone: ZoneInfo
) -> RowWriter:
    """The writer of a format; it may write its header at once."""
    make: dict[ExportFormat, Callable[..., RowWriter]] = {
        "csv": _CsvWriter,
        "jsonl": _JsonLinesWriter,
        "parquet": _ParquetWriter,
    }
    return make[form](file, columns, zone)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The exported columns: names, the columns they come from, and which are clocks."""

    names: list[str]
    sources: list[tuple[str, bool]]

    def values(self, row: Row, zone: ZoneInfo) -> list[Any]:
        """Of one row, in the order of the names."""
        return [
            _clock(row[source], zone) if is_clock else row[source]
            for source, is_clock in self.sources
        ]


def _plan(columns: Sequence[Column[Any]]) -> _Plan:
    names, sources = [], []
    for column in columns:
        names.append(column.name)
        sources.append((column.name, False))
        if column.name.endswith(_MOMENT):
            names.append(column.name.removesuffix("_us"))
            sources.append((column.name, True))
    return _Plan(names, sources)


def _clock(at_us: int | None, zone: ZoneInfo) -> str | None:
    return None if at_us is None else local(at_us, zone).isoformat(timespec="microseconds")


class _CsvWriter:
    def __init__(self, file: IO[bytes], columns: Sequence[Column[Any]], zone: ZoneInfo) -> None:
        self._file, self._zone, self._plan = file, zone, _plan(columns)
        file.write(BOM + csv_lines([self._plan.names]))

    def write(self, rows: Sequence[Row]) -> None:
        self._file.write(csv_lines(self._plan.values(row, self._zone) for row in rows))

    def close(self) -> None:
        """Nothing follows the last row."""


class _JsonLinesWriter:
    def __init__(self, file: IO[bytes], columns: Sequence[Column[Any]], zone: ZoneInfo) -> None:
        self._file, self._zone, self._plan = file, zone, _plan(columns)

    def write(self, rows: Sequence[Row]) -> None:
        names = self._plan.names
        found = (dict(zip(names, self._plan.values(row, self._zone), strict=True)) for row in rows)
        lines = (json.dumps(row, ensure_ascii=False) for row in found)
        text = "".join(f"{line}\n" for line in lines)
        self._file.write(text.encode("utf-8", "replace"))

    def close(self) -> None:
        """Nothing follows the last row."""


class _ParquetWriter:
    """A row group per piece."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column[Any]], zone: ZoneInfo) -> None:
        import pyarrow as pa  # 0.2 s and 60 MB that only this format needs
        from pyarrow import parquet

        fields = []
        for column in columns:
            kind = column.type
            number = isinstance(kind, Integer)
            plain = (
                pa.int64() if number else pa.float64() if isinstance(kind, Float) else pa.string()
            )
            fields.append(pa.field(column.name, plain))
            if column.name.endswith(_MOMENT):
                name = column.name.removesuffix("_us")
                fields.append(pa.field(name, pa.timestamp("us", tz=zone.key)))
        self._pa, self._schema = pa, pa.schema(fields)
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        columns = [
            self._pa.array([row[name] for row in rows], type=field.type)
            for field in self._schema
            for name in [field.name if field.name in rows[0] else f"{field.name}_us"]
        ]
        self._writer.write_table(self._pa.table(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()
