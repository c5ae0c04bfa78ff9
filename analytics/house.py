"""All parts of analytics, wired together: made, started and closed as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from analytics.alerts import Watcher
from analytics.budgets import Quota, Spending
from analytics.export_jobs import ExportJobs
from analytics.imports import ImportJobs
from analytics.otlp import exporter_for
from analytics.queries import Queries
from analytics.recorder import Recorder
from analytics.repair import Logs, Repair
from analytics.reports.schedule import Schedule
from analytics.reports.shelf import Shelf
from analytics.retention import Janitor, Lifetimes
from analytics.slo import Slo
from core.version import VERSION

if TYPE_CHECKING:
    from core.catalog import Catalog
    from core.settings import Settings


class Analytics:
    """Made by the runtime. Raises StorageError when its file cannot be used."""

    def __init__(
        self,
        settings: Settings,
        *,
        catalog: Callable[[], Catalog],
        agent_titles: Mapping[str, str],
        logs: Logs,
    ) -> None:
        """`logs`: the runs' own logs, from which lost figures are recorded again."""
        place = settings.analytics_url or settings.path("analytics.db")
        headers = settings.otlp_headers
        self.exporter = exporter_for(
            settings.otlp_endpoint,
            headers.get_secret_value() if headers else None,
            version=VERSION,
            environment=settings.environment,
        )
        self.recorder = Recorder(
            place,
            timezone=settings.reporting_timezone,
            on_stored=self.exporter.offer if self.exporter else None,
            content_key=settings.path("content.key"),
            own_place=settings.analytics_url is None,
        )
        self.imports = ImportJobs(self.recorder.write)
        self.queries = Queries(place, settings.reporting_timezone)
        self.exports = ExportJobs(self.queries, settings.data_dir)
        self.reports = Shelf(self.queries, self.recorder, settings, catalog, dict(agent_titles))
        self.report_schedule = Schedule(self.reports, self.queries, settings.reports)
        self.spending = Spending(
            self.queries,
            quota=Quota.of(settings.quota_tokens_per_day, settings.quota_usd_per_day),
        )
        webhook = settings.alert_webhook_url
        self.alerts = Watcher(
            self.queries,
            self.recorder,
            self.spending,
            slo_target=settings.slo_target,
            dropped=lambda: self.recorder.health().dropped,
            webhook_url=webhook.get_secret_value() if webhook else None,
        )
        self.janitor = Janitor(
            recorder=self.recorder,
            lifetimes=Lifetimes(
                content_days=settings.keep_content_days,
                rows_days=settings.keep_rows_days,
                figures_days=settings.keep_figures_days,
            ),
            zone=self.queries.zone,
        )
        self.slo = Slo(
            first_token_us=int(settings.slo_first_token_s * 1e6),
            duration_us=int(settings.slo_answer_s * 1e6),
        )
        self.repair = Repair(
            recorder=self.recorder,
            logs=logs,
            since_us=lambda: self.janitor.cuts(time.time_ns() // 1000)[0],
            slo=self.slo,
            environment=settings.environment,
        )

    def start(self) -> None:
        """Begins everything that works by itself."""
        self.alerts.start()
        self.janitor.start()
        self.repair.start()
        self.report_schedule.start()

    def close(self) -> None:
        """After the last run has ended; writes everything. Queries can be asked until `dispose`."""
        self.exports.close()
        self.report_schedule.stop()
        self.alerts.close()
        self.imports.close()
        self.repair.close()
        self.janitor.close()
        self.recorder.close()
        if self.exporter is not None:
            self.exporter.close()

    def dispose(self) -> None:
        """Closes what is read from."""
        self.queries.close()
