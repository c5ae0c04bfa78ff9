"""Finished runs as OpenTelemetry traces, sent to a collector behind one setting.

`names.py`: rows of a run as spans in the GenAI conventions' names. `exporter.py`: the queue and the
thread that sends them. The OpenTelemetry libraries are imported by that thread, so a process without
the setting never loads them.
"""

from analytics.otlp.exporter import Exporter, ExportHealth, exporter_for

__all__ = ["ExportHealth", "Exporter", "exporter_for"]
