"""Rules to begin with. None is active until somebody adds it."""

from __future__ import annotations

from collections.abc import Mapping

from analytics.alerts.rules import AnomalyRule, BurnRateRule, NoDataRule, RuleDefinition
from analytics.alerts.rules import ThresholdRule as Threshold

TEMPLATES: Mapping[str, RuleDefinition] = {
    "Error budget burns fast": BurnRateRule(severity="critical", renotify_minutes=60),
    "Many runs fail": Threshold(
        metric="failure_rate", window_minutes=15, limit=0.1, hold_minutes=2, severity="critical"
    ),
    "A provider fails": Threshold(
        metric="attempt_error_rate", window_minutes=15, limit=0.2, hold_minutes=2
    ),
    "People wait long for the first token": Threshold(
        metric="ttft_p95", window_minutes=60, limit=5.0, hold_minutes=5
    ),
    "Unusual cost": AnomalyRule(metric="cost", when="above", minimum_n=20),
    "Unusually few runs": AnomalyRule(metric="runs", when="below", minimum_n=20),
    "No runs for a day": NoDataRule(window_minutes=1440, severity="info"),
    "Runs are not recorded": Threshold(metric="dropped_runs", window_minutes=60, limit=0),
    "Calls without a price": Threshold(
        metric="unpriced_share", window_minutes=1440, limit=0.2, severity="info"
    ),
}
