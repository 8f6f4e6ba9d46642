"""A real book of alerts over a storage that is a list."""

from __future__ import annotations

from services.actions.alert_book import AlertBook
from services.alert_model import AlertRule, AlertRules, BackTest, Episode
from services.clock import Clock
from services.model import Write
from services.settings import Settings


class ListedAlerts:
    """As much of the storage as alerts use."""

    def __init__(self) -> None:
        self.listed: dict[str, Episode] = {}
        self.rules = AlertRules()
        self.tried: list[tuple[AlertRule, str, int, int]] = []
        self.found: tuple[Episode, ...] = ()

    def append(self, write: Write) -> None:
        self.listed |= {episode.id: episode for episode in write.episodes}
        self.rules = write.rules or self.rules

    def nudge(self) -> None: ...

    def alert_rules(self) -> AlertRules:
        return self.rules

    def episodes(self, device: str | None, t0_us: int, t1_us: int, limit: int) -> list[Episode]:
        inside = [one for one in self.listed.values() if one.start_us < t1_us and (one.end_us is None or one.end_us >= t0_us)]
        return [one for one in inside if device in (None, one.device)][:limit]

    def open_episodes(self, device: str) -> list[Episode]:
        return [one for one in self.listed.values() if one.end_us is None and one.device == device]

    def episode(self, episode_id: str) -> Episode | None:
        return self.listed.get(episode_id)

    def back_test(self, device: str, rule: AlertRule, t0_us: int, t1_us: int) -> BackTest:
        self.tried.append((rule, device, t0_us, t1_us))
        return BackTest(device, rule, t0_us, t1_us, self.found, 1000, 10)


def book(storage: ListedAlerts, settings: Settings, clock: Clock) -> AlertBook:
    """The book that a façade has."""
    return AlertBook(settings, storage, clock)  # type: ignore[arg-type]
