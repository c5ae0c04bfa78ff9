"""What a Prometheus server reads of this process: counters and histograms since its start.

Not the dashboard: that reads the database and knows the past. Names are OpenTelemetry's for
generative AI in Prometheus' spelling (dots to underscores, the unit at the end); what they have no
name for begins with `switchboard_`.
"""

from analytics.prometheus.house import PrometheusMetrics, Reading

__all__ = ["PrometheusMetrics", "Reading"]
