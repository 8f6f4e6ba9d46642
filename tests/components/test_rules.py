"""Rules on the page: what the form says, what a trial says, and that saving them changes what is watched."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page

from components.panels import notices, rules
from components.view import View
from services.alert_model import AlertAction, AlertChange, AlertChannel, AlertRule, BackTest, Episode, Level
from tests.components.fakes import FakeMonitor
from tests.components.looking import choose, drag, hide_tab, text, ticks, until, view

RULE = AlertRule(
    "over", AlertChannel.W, Level.DANGER, 10, 9.5, hold_s=1, name="Load", actions=(AlertAction.BUZZER, AlertAction.NOTIFY)
)
EPISODE = Episode("over.bench-1.1", "bench-1", RULE, 1_000_000, 2_000_000, 3_000_000, 12.5, 31, 5_000_000, 5_000_000, "value")
FORM = dict(zip(rules.FIELDS, ("", "w", "above", 10, None, 0, None, "danger", "all", ["webhook"], ["on"]), strict=True))

SHAPES = "(type) => document.querySelector('#chart .js-plotly-plot')._fullLayout.shapes.filter((one) => one.type === type).length"


def words_of(component: Any) -> str:
    """All text in a component."""
    if isinstance(component, list | tuple):
        return " ".join(map(words_of, component))
    return component if isinstance(component, str) else words_of(getattr(component, "children", None) or "")


def test_a_form_is_a_rule_and_a_rule_is_a_form_again() -> None:
    rule = rules.rule_of(dict(zip(rules.FIELDS, rules.form_values(RULE), strict=True)), "over", "bench-1", (RULE,))
    assert rule == RULE
    here = msgspec.structs.replace(RULE, device="bench-2", above=False, on=4.5, off=4.7, enabled=False)
    form = dict(zip(rules.FIELDS, rules.form_values(here), strict=True))
    assert rules.rule_of(form, "over", "bench-1", (here,)) == here  # it stays with its board


def test_what_is_left_empty_has_a_sensible_meaning() -> None:
    rule = rules.rule_of(FORM, "new", "bench-1", ())
    assert rule is not None and (rule.id, rule.off, rule.clear_s, rule.device) == ("w", 9.8, 0, "")
    below = rules.rule_of(FORM | {"side": "below", "where": "here"}, "new", "bench-1", (rule,))
    assert below is not None and (below.id, below.off, below.device) == ("w-2", 10.2, "bench-1")
    assert rules.rule_of(FORM | {"on": None}, "new", "bench-1", ()) is None


@pytest.mark.parametrize(
    ("episodes", "said"),
    [
        ((), "Would not have fired in 48 h."),
        ((EPISODE,), "Would have fired once in 48 h, for 4.0 s."),
        ((EPISODE, msgspec.structs.replace(EPISODE, end_us=42_000_000)), "Would have fired 2 × in 48 h, the longest for 41.0 s."),
    ],
)
def test_a_trial_says_how_often_and_how_long(episodes: tuple[Episode, ...], said: str) -> None:
    result = BackTest("bench-1", RULE, 0, 48 * 3_600_000_000, episodes, 1000, 10)
    told = words_of(rules.render_trial(result, View(), 10_000_000_000))
    assert said.split(",")[0] in told and len(rules.drawn(result)) == len(episodes)


def test_an_episode_says_what_was_done_about_it() -> None:
    done = {"buzzer": {"result": "ok", "value_to_answer_ms": 16.6}, "webhook": {"result": "delivered"}}
    episode = msgspec.structs.replace(EPISODE, evidence=done, acknowledged_us=6_000_000)
    (line,) = rules.render([episode], View(), 10_000_000_000)
    told = words_of(line)
    assert "Danger · bench-1 · Load: Power > 10.000 W for 1" in told and "extreme 12.500 W" in told
    assert "the buzzer answered 16.6 ms after the value · webhook: delivered · seen" in told
    assert words_of(rules.render([], View(language="ko"), 0)) == "아직 발생한 경보가 없습니다."


def test_a_rule_is_tried_drawn_and_saved(page: Page, monitor: FakeMonitor) -> None:
    now_us = monitor.now_us()
    monitor.listed.found = (msgspec.structs.replace(EPISODE, start_us=now_us - 9_000_000, end_us=now_us - 5_000_000),)
    page.click("#open-alerts")
    page.wait_for_selector("#rule-on")
    page.fill("#rule-on", "0.5")
    page.click("#rule-try")
    until(page, lambda: "Would have fired once" in text(page, "rule-trial"))
    until(page, lambda: len(view(page)["trial_us"]) == 1)
    until(page, lambda: page.evaluate(SHAPES, "rect") == 1)
    page.click("#rule-save")
    until(page, lambda: "In force" in text(page, "rule-result"))
    saved = monitor.alerts.rules.rules[-1]
    assert (saved.on, saved.off, saved.severity, saved.id) == (0.5, 0.49, Level.WARNING, "w")
    until(page, lambda: page.evaluate(SHAPES, "line") == 2)  # the limit of the settings, and this one


def test_what_fired_is_listed_and_can_be_marked_as_seen(page: Page, monitor: FakeMonitor) -> None:
    now_us = monitor.now_us()
    episode = msgspec.structs.replace(EPISODE, start_us=now_us - 60_000_000, end_us=now_us - 50_000_000)
    monitor.listed.listed = {episode.id: episode}
    page.click("#open-alerts")
    until(page, lambda: "extreme 12.500 W" in text(page, "episodes"))
    page.click("#acknowledge")
    until(page, lambda: "1 marked as seen" in text(page, "rule-result"))
    until(page, lambda: "seen" in text(page, "episodes"))


SPY = """() => { window.told = []; window.Notification = class {
    static permission = 'default';
    static async requestPermission() { return (this.permission = 'granted'); }
    constructor(title, options) { window.told.push([title, options.body, options.tag]); }
}; }"""


def test_what_fires_is_said_once_at_the_foot_and_to_a_hidden_tab(
    page: Page, monitor: FakeMonitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.evaluate(SPY)  # a headless browser shows none
    page.click("#open-alerts")
    page.click("#notify")
    until(page, lambda: "allowed" in text(page, "notify-state"))
    hide_tab(page, True)
    asked, since = [], monitor.alerts.since

    def counted(cursor: int | None, device: str | None = None) -> Any:
        asked.append(cursor)
        return since(cursor, device)

    monkeypatch.setattr(monitor.alerts, "since", counted)
    until(page, lambda: any(asked))  # the hidden page asks for what is new
    for number in range(3):
        episode = msgspec.structs.replace(EPISODE, id=f"over.bench-1.{number}", start_us=monitor.now_us(), end_us=None)
        monitor.alerts._told(AlertChange("fired", episode, 12.5))
    told = until(page, lambda: page.evaluate("() => window.told"), 30)
    assert [(title, tag) for title, _, tag in told] == [("Danger · bench-1 · 3 ×", "over-bench-1")]
    assert "Power > 10.000 W" in told[0][1]
    assert "Danger · bench-1" in text(page, "notices")
    link = page.get_attribute("#notices a", "href") or ""
    assert link.startswith("?device=bench-1&from=")


def test_only_a_rule_that_says_so_notifies_or_sounds() -> None:
    for actions, wanted in (((), (False, False)), (("notify",), (True, False)), (("sound", "webhook"), (False, True))):
        rule = msgspec.structs.replace(RULE, actions=tuple(map(AlertAction, actions)))
        fired = AlertChange("fired", msgspec.structs.replace(EPISODE, rule=rule), 12.5)
        (one,) = notices.news([fired], {}, View(), 0)
        assert (one["notify"], one["sound"]) == wanted


QUIET = """() => { window.tones = 0; window.AudioContext = class {
    state = "suspended"; currentTime = 0; destination = {};
    async resume() { this.state = "running"; }
    createGain() { return { gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} }, connect: (next) => next }; }
    createOscillator() { return { frequency: {}, connect: (next) => next, start: () => { window.tones += 1; }, stop() {} }; }
}; }"""


def fire(monitor: FakeMonitor, number: int, *actions: AlertAction) -> Episode:
    rule = msgspec.structs.replace(RULE, actions=actions)
    now_us = monitor.now_us()
    episode = msgspec.structs.replace(EPISODE, id=f"over.bench-1.{number}", rule=rule, start_us=now_us, end_us=None)
    monitor.alerts._told(AlertChange("fired", episode, 12.5))
    return episode


def test_the_page_sounds_only_when_it_was_turned_on_and_the_rule_says_so(page: Page, monitor: FakeMonitor) -> None:
    page.evaluate(QUIET)
    page.evaluate(SPY)
    page.click("#open-alerts")
    until(page, lambda: text(page, "sound-state") == "off")
    fire(monitor, 1, AlertAction.SOUND)
    page.wait_for_selector("#notices .toast")
    assert page.evaluate("() => window.tones") == 0  # nobody turned it on
    page.click("#sound")
    until(page, lambda: "on, for rules" in text(page, "sound-state"))
    assert page.evaluate("() => window.tones") == 1  # a sample
    fire(monitor, 2, AlertAction.SOUND)
    until(page, lambda: page.evaluate("() => window.tones") == 3, 30)  # a danger: two
    page.click("#sound")
    until(page, lambda: text(page, "sound-state") == "off")
    fire(monitor, 3)
    fire(monitor, 4, AlertAction.SOUND)
    until(page, lambda: "2 ×" in text(page, "notices"), 30)
    assert page.evaluate("() => window.tones") == 3 and page.evaluate("() => window.told") == []


def test_a_notice_acknowledges_what_it_is_about(page: Page, monitor: FakeMonitor) -> None:
    episode = fire(monitor, 7)
    page.click("#notices .toast button >> text=I have seen it")
    until(page, lambda: monitor.listed.listed.get(episode.id) and monitor.listed.listed[episode.id].acknowledged_us)


def test_a_rule_is_snoozed_from_the_page_and_strip_and_list_say_so(page: Page, monitor: FakeMonitor) -> None:
    monitor.alerts.set_rules([RULE])
    page.click("#open-alerts")
    until(page, lambda: page.locator("#rule-pick option[value=over]").count() == 1)
    page.click("#snooze-3600")
    until(page, lambda: "Choose a rule" in text(page, "snooze-result"))
    page.select_option("#rule-pick", "over")
    until(page, lambda: page.input_value("#rule-on") == "10")
    for name, left_h in (("3600", 1), ("28800", 8), ("ever", 24 * 365)):
        page.click(f"#snooze-{name}")
        until(page, lambda h=left_h: monitor.alerts.rules.snoozed_until_us.get("over", 0) - monitor.now_us() > (h - 0.1) * 3.6e9)
        until(page, lambda: "1 snoozed" in text(page, "strip-live"))
        until(page, lambda: "snoozed" in page.locator("#rule-pick").inner_text())
    page.click("#snooze-0")
    until(page, lambda: "speaks again" in text(page, "snooze-result"))
    until(page, lambda: "snoozed" not in text(page, "strip-live"))
    assert monitor.alerts.rules.snoozed_until_us == {}


def test_a_hidden_tab_asks_for_changes_of_alerts_only(page: Page, monitor: FakeMonitor) -> None:
    page.evaluate(SPY)
    page.click("#open-alerts")
    page.click("#notify")
    until(page, lambda: "allowed" in text(page, "notify-state"))
    hide_tab(page, True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    until(page, lambda: any('"news-clock"' in body for body in asked), 30)
    begun = len(asked)  # whatever was under way when the tab was hidden has been asked
    fire(monitor, 1, AlertAction.NOTIFY)
    until(page, lambda: page.evaluate("() => window.told.length") == 1, 30)
    until(page, lambda: len(asked) >= begun + 2, 30)
    # A notice that comes reports its button once: Dash calls what listens to a new component.
    assert [body[:200] for body in asked[begun:] if '"news-clock"' not in body and '"seen-result"' not in body] == []


def test_a_snoozed_rule_says_nothing() -> None:
    changes = [AlertChange("fired", EPISODE, 12.5), AlertChange("ended", EPISODE, 1.0)]
    assert len(notices.news(changes, {}, View(), 0)) == 1 and notices.news(changes, {"over": 10}, View(), 0) == []


LINE = """() => {
    const box = document.querySelector("#chart .layer-above [drag-helper] path").getBoundingClientRect();
    return [box.x + box.width / 3, box.y + box.height / 2];
}"""
Y0 = "() => document.querySelector('#chart .js-plotly-plot')._fullLayout.shapes[0].y0"
ON_LINE = "([x, y]) => document.elementsFromPoint(x, y).some((one) => one.closest('[drag-helper]'))"
MODE = "() => document.querySelector('#chart .js-plotly-plot')._fullLayout.dragmode"
PIXELS = """() => {
    const layout = document.querySelector('#chart .js-plotly-plot')._fullLayout;
    return layout.yaxis3._length / (layout.yaxis3.range[1] - layout.yaxis3.range[0]);
}"""
POWER = AlertRule("over", AlertChannel.W, Level.DANGER, 1.2, 1.1, hold_s=1, clear_s=2)


@pytest.fixture
def limited(page: Page, monitor: FakeMonitor) -> Page:
    """A page with one limit line, among the readings of the power; its axes rest."""
    monitor.alerts.set_rules([POWER])
    until(page, lambda: page.evaluate(SHAPES, "line") == 1 and page.evaluate(Y0) == 1.2)
    ticks(page, 2)
    return page


def pull(page: Page, by_w: float, *, hold: bool = False) -> None:
    """Drags the limit line with the mouse, by so many watts."""
    x, y = until(page, lambda: taken_hold(page))
    down = by_w * page.evaluate(PIXELS)
    page.mouse.move(x, y - down / 2, steps=4)
    page.mouse.move(x, y - down, steps=4)
    if not hold:
        page.mouse.up()


def taken_hold(page: Page) -> tuple[float, float] | None:
    """The button goes down on the line; None when the line moved away under the mouse, as it may with every reading."""
    x, y = page.evaluate(LINE)
    page.mouse.move(x, y)
    page.mouse.down()
    if page.evaluate(ON_LINE, [x, y]):  # under what Plotly lays over the page during a drag; nothing is drawn meanwhile
        return x, y
    page.mouse.up()
    return None


def test_a_limit_line_is_dragged_tried_and_saved(limited: Page, monitor: FakeMonitor) -> None:
    now_us = monitor.now_us()
    monitor.listed.found = (msgspec.structs.replace(EPISODE, start_us=now_us - 9_000_000, end_us=now_us - 5_000_000),)
    pull(limited, -0.3)
    until(limited, lambda: "Would have fired once in 48" in text(limited, "rule-trial"))
    until(limited, lambda: limited.input_value("#rule-pick") == "over")
    new = float(limited.input_value("#rule-on"))
    assert new == pytest.approx(0.9, abs=0.05)
    assert float(limited.input_value("#rule-off")) == pytest.approx(new - 0.1)
    tried, device, *_ = monitor.listed.tried[-1]
    assert (tried.on, tried.id, tried.hold_s, device) == (new, "over", 1, "bench-1")
    assert monitor.alerts.rules.rules == (POWER,)  # nothing is saved yet
    assert limited.evaluate(Y0) == new
    limited.click("#rule-save")
    until(limited, lambda: "In force" in text(limited, "rule-result"))
    assert monitor.alerts.rules.rules == (msgspec.structs.replace(POWER, on=new, off=round(new - 0.1, 9)),)
    until(limited, lambda: view(limited)["moved"] is None)
    until(limited, lambda: limited.evaluate(SHAPES, "rect") == 0)
    assert limited.evaluate(Y0) == new


@pytest.mark.parametrize("way", ["button", "escape", "another rule"])
def test_a_limit_line_that_is_not_saved_goes_back(limited: Page, monitor: FakeMonitor, way: str) -> None:
    for _ in range(2):  # as often as one likes
        pull(limited, -0.3)
        until(limited, lambda: "Would not have fired" in text(limited, "rule-trial"))
        assert limited.evaluate(Y0) != 1.2
        if way == "button":
            limited.click("#rule-cancel")
            until(limited, lambda: limited.input_value("#rule-on") == "1.2")
        elif way == "another rule":
            limited.select_option("#rule-pick", "new")
            until(limited, lambda: limited.input_value("#rule-on") == "")
        else:
            limited.keyboard.press("Escape")
            limited.wait_for_selector(".drawer-body", state="detached")
        until(limited, lambda: limited.evaluate(Y0) == 1.2)
        assert view(limited)["moved"] is None and monitor.alerts.rules.rules == (POWER,)


def test_ticks_leave_a_line_alone_that_is_being_dragged(
    limited: Page, monitor: FakeMonitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, tick = [], monitor.tick

    def slow(*question: Any) -> Any:
        asked.append(question)
        return tick(*question)

    monkeypatch.setattr(monitor, "tick", slow)
    monitor.hold.clear()
    made = monitor.ticks
    until(limited, lambda: asked)  # an answer is under way when the drag begins
    pull(limited, -0.3, hold=True)
    low = limited.evaluate(Y0)
    with limited.expect_response(lambda response: "strip-live.children" in (response.request.post_data or "")):
        monitor.hold.set()
    limited.wait_for_timeout(1_500)  # three ticks' time: that nothing happens is the rule
    assert limited.evaluate(Y0) == low and low == pytest.approx(0.9, abs=0.05)
    assert monitor.ticks <= made + 2
    limited.mouse.up()
    until(limited, lambda: "Would not have fired" in text(limited, "rule-trial"))
    assert float(limited.input_value("#rule-on")) == pytest.approx(low, abs=0.01)
    until(limited, lambda: monitor.ticks > made + 3)
    assert limited.evaluate(Y0) == float(limited.input_value("#rule-on"))


def test_only_limit_lines_can_be_dragged(limited: Page) -> None:
    choose(limited, "tool", "select")
    until(limited, lambda: limited.evaluate(MODE) == "select")
    drag(limited, 0.3, 0.6)
    until(limited, lambda: limited.evaluate(SHAPES, "rect") == 1)
    chosen = view(limited)["selection_us"]
    choose(limited, "tool", "zoom")
    until(limited, lambda: limited.evaluate(MODE) == "zoom")
    drag(limited, 0.35, 0.5)  # within the band: a zoom, and the band stays
    until(limited, lambda: view(limited)["range_us"] is not None)
    assert view(limited)["selection_us"] == chosen and view(limited)["moved"] is None
