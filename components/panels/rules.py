"""Rules of the alerts: what was there, one to look at, to try on the record and to save; and every time that one fired."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
import msgspec
from anyio import to_thread
from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from components import ids
from components.access import changes
from components.look.parts import attrs, named, only_changed, outcome, said, section
from components.look.times import duration, stamp
from components.look.units import number
from components.panels import snoozing
from components.panels.drawer import HIDDEN, SHOWN
from components.view import View
from components.words.phrases import phrase
from components.words.sentences import watched
from components.words.text import words
from services.alert_model import (
    USUAL_ACTIONS,
    AlertAction,
    AlertChannel,
    AlertRule,
    AlertRules,
    BackTest,
    Episode,
    Level,
)
from services.errors import BadRequest, PowermonError

if TYPE_CHECKING:
    from services.monitor import Monitor

NEW = "new"
CHANNELS = tuple(AlertChannel)
ACTIONS = tuple(AlertAction)
FIELDS = ("name", "channel", "side", "on", "off", "hold_s", "clear_s", "severity", "where", "actions", "enabled")
NUMBERS = ("on", "off", "hold_s", "clear_s")
TOLD, TRIED, DRAWN = 30, 8, 60  # episodes in the list, of a trial, and of a trial on the chart
TRIED_US = 48 * 3_600_000_000
ALWAYS_US = 2**62


def layout(text: dict[str, str]) -> Component:
    """The form with its buttons, what became of it, the list."""
    buttons = [
        dbc.Button(text["rules.save"], id=ids.RULE_SAVE, color="primary", n_clicks=0),
        dbc.Button(text["rules.cancel"], id=ids.RULE_CANCEL, outline=True, color="secondary", n_clicks=0, style=HIDDEN),
        dbc.Button(text["rules.remove"], id=ids.RULE_REMOVE, outline=True, color="secondary", n_clicks=0),
    ]
    form = [
        named(dbc.Select([], NEW, id=ids.RULE_PICK), text["rules.pick"]),
        dcc.Store(id=ids.RULE_MOVED),
        *_form(text),
        dbc.Button(text["rules.try"], id=ids.RULE_TRY, outline=True, color="primary", n_clicks=0),
        html.Div(text["rules.trying"], id=ids.RULE_BUSY, hidden=True, className="said said-busy"),
        html.Div("", id=ids.RULE_TRIAL, className="outcome", role="status"),
        changes([html.Div(buttons, className="button-row")], text["rules.title"]),
        outcome(ids.RULE_RESULT),
    ]
    acknowledge = dbc.Button(text["rules.acknowledge"], id=ids.ACKNOWLEDGE, outline=True, color="secondary", n_clicks=0)
    told = html.Ol([], id=ids.EPISODES, className="log", **attrs(aria_label=text["rules.episodes"]))
    return html.Div(
        [
            section(text["rules.title"], [*form, snoozing.layout(text)]),
            section(text["rules.episodes"], [_permission(text), changes([acknowledge], text["rules.acknowledge"]), told]),
        ]
    )


def _permission(text: dict[str, str]) -> Component:
    """Browsers ask only after a click; what they answered is said (assets/powermon.css shows one of the three)."""
    states = [html.Span(text[f"notices.{name}"], className=f"when-{name}") for name in ("default", "granted", "denied")]
    button = dbc.Button(text["notices.ask"], id=ids.NOTIFY, outline=True, color="secondary", n_clicks=0)
    sound = dbc.Button(text["notices.sound"], id=ids.SOUND, outline=True, color="secondary", n_clicks=0)
    heard = [html.Span(text[f"notices.sound.{name}"], className=f"when-{name}") for name in ("off", "waiting", "on")]
    told = [html.Span(states, id=ids.NOTIFY_STATE, className="notify-default"), html.Span(heard, id=ids.SOUND_STATE)]
    return html.Div([button, told[0], sound, told[1]], className="button-row")


def _form(text: dict[str, str]) -> list[Component]:
    def choice(field: str, options: list[tuple[str, str]], value: str) -> Component:
        shown = [{"label": label, "value": name} for name, label in options]
        return _field(text[f"rules.{field}"], dbc.Select(shown, value, id=ids.rule(field)))

    def amount(field: str, value: float | None) -> Component:
        return _field(text[f"rules.{field}"], dbc.Input(id=ids.rule(field), type="number", step="any", value=value))

    actions = [{"label": text[f"rules.action.{name}"], "value": str(name)} for name in ACTIONS]
    enabled = [{"label": text["rules.enabled"], "value": "on"}]
    return [
        _field(text["rules.name"], dbc.Input(id=ids.rule("name"), type="text", maxlength=60, value="")),
        choice("channel", [(str(name), text[f"channel.{name}"]) for name in CHANNELS], "w"),
        choice("side", [("above", text["rules.above"]), ("below", text["rules.below"])], "above"),
        amount("on", None),
        amount("off", None),
        amount("hold_s", 0),
        amount("clear_s", 0),
        choice("severity", [(str(level), text[f"level.{level}"]) for level in (Level.WARNING, Level.DANGER)], "warning"),
        choice("where", [("all", text["rules.everywhere"]), ("here", text["rules.here"])], "all"),
        dbc.Checklist(actions, [], id=ids.rule("actions"), switch=True),
        dbc.Checklist(enabled, ["on"], id=ids.rule("enabled"), switch=True),
    ]


def _field(label: str, control: Component) -> Component:
    return html.Label([html.Span(label), control], className="rule-field")


# --- pure


def rule_of(given: dict[str, Any], picked: str, device: str, known: tuple[AlertRule, ...]) -> AlertRule | None:
    """The rule that the form says; None when a number is missing. An empty second value is 2 % away from the limit."""
    numbers = {name: given[name] for name in NUMBERS}
    on = numbers["on"]
    if not isinstance(on, int | float) or isinstance(on, bool):
        return None
    above = given["side"] != "below"
    off = numbers["off"]
    if not isinstance(off, int | float):
        off = on if given["channel"] in ("sensor", "age") else round(on - (1 if above else -1) * max(abs(on) * 0.02, 0.001), 9)
    before = next((rule for rule in known if rule.id == picked), None)
    return AlertRule(
        id=before.id if before is not None else new_id(str(given["name"] or given["channel"]), known),
        channel=AlertChannel(given["channel"]),
        severity=Level(given["severity"]),
        on=float(on),
        off=float(off),
        above=above,
        hold_s=float(numbers["hold_s"] or 0),
        clear_s=float(numbers["clear_s"] or 0),
        device=_board(given["where"], device, before),
        actions=tuple(AlertAction(name) for name in given["actions"] or ()),
        repeat_s=before.repeat_s if before is not None else 60.0,
        enabled=bool(given["enabled"]),
        name=str(given["name"] or "").strip(),
    )


def _board(where: str, device: str, before: AlertRule | None) -> str:
    """A rule of another board stays with it."""
    if where != "here":
        return ""
    return before.device if before is not None and before.device else device


def new_id(name: str, known: tuple[AlertRule, ...]) -> str:
    """An id made of a name that no rule has."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30] or "rule"
    taken = {rule.id for rule in known}
    return next(id_ for n in range(1, len(known) + 2) if (id_ := stem if n == 1 else f"{stem}-{n}") not in taken)


def moved_to(rule: AlertRule, on: float) -> AlertRule:
    """The rule with another limit, and as far from it as before the value at which it is over."""
    return msgspec.structs.replace(rule, on=on, off=round(on + rule.off - rule.on, 9))


def form_values(rule: AlertRule | None) -> tuple[Any, ...]:
    """One value per field; of no rule those of a new one."""
    if rule is None:
        return ("", "w", "above", None, None, 0, 0, "warning", "all", [], ["on"])
    return (
        rule.name, str(rule.channel), "above" if rule.above else "below", rule.on, rule.off, rule.hold_s, rule.clear_s,
        str(rule.severity), "here" if rule.device else "all", [str(name) for name in rule.actions],
        ["on"] if rule.enabled else [],
    )  # fmt: skip


def rule_text(rule: AlertRule, language: str) -> str:
    """Power > 10.000 W for 1 s"""
    text = words(language)
    limit = f"{text[f'channel.{rule.channel}']} {'>' if rule.above else '<'} {watched(str(rule.channel), rule.on)}"
    held = text["rules.held"].format(span=duration(rule.hold_s, text)) if rule.hold_s else ""
    return f"{rule.name + ': ' if rule.name else ''}{limit}{held}"


def options(rules: AlertRules, view: View, now_us: int) -> list[dict[str, str]]:
    """What there is to choose from: the rules, and a new one."""
    text = words(view.language)

    def label(rule: AlertRule) -> str:
        quiet = snoozing.quiet_until(rules.snoozed_until_us.get(rule.id, 0), view, now_us)
        more = [word for word in ("" if rule.enabled else text["rules.off_now"], quiet) if word]
        return rule_text(rule, view.language) + (f" ({', '.join(more)})" if more else "")

    shown = [{"label": label(rule), "value": rule.id} for rule in rules.rules]
    return [{"label": text["rules.new"], "value": NEW}, *shown]


def drawn(result: BackTest) -> list[list[int]]:
    """What the chart shows of a trial: the newest episodes, from and to."""
    return [[one.start_us, one.start_us + max(one.duration_us, 1)] for one in result.episodes[-DRAWN:]]


def render_trial(result: BackTest, view: View, now_us: int) -> Component:
    """Would have fired 3 × in 48 h, longest 41 s; and when."""
    text = words(view.language)
    if not result.judged:
        return said(text["rules.nothing"], "problem")
    episodes = result.episodes
    longest = max((one.duration_us for one in episodes), default=0) / 1e6
    span = duration((result.t1_us - result.t0_us) / 1e6, text)
    key = "rules.never" if not episodes else "rules.once" if len(episodes) == 1 else "rules.often"
    told = text[key].format(n=number(len(episodes), 0), span=span, longest=duration(longest, text))
    newest = [_line(one, view, now_us) for one in reversed(episodes[-TRIED:])]
    return html.Div([said(told), html.Ol(newest, className="log")] if newest else [said(told)])


def render(episodes: list[Episode], view: View, now_us: int) -> list[Component]:
    """Every time that a rule fired, newest first: when, how long, how far, what was done."""
    return [_line(one, view, now_us, full=True) for one in episodes] or [
        html.Li(words(view.language)["rules.none_fired"], className="hint")
    ]


def _line(one: Episode, view: View, now_us: int, *, full: bool = False) -> Component:
    text = words(view.language)
    lasted = text["rules.going_on"] if one.end_us is None else duration(one.duration_us / 1e6, text)
    peak = watched(str(one.rule.channel), one.peak)
    parts = [f"{stamp(one.start_us, view.zone, now_us)}\t{lasted}, {text['rules.peak'].format(peak=peak)}"]
    if full:
        parts.append(f"{text[f'level.{one.rule.severity}']} · {one.device} · {rule_text(one.rule, view.language)}")
        parts += _done(one, text)
    return html.Li("\n".join(parts), className=f"episode episode-{one.rule.severity}")


def _done(one: Episode, text: dict[str, str]) -> list[str]:
    buzzer, webhook = one.evidence.get("buzzer", {}), one.evidence.get("webhook", {})
    parts = []
    if buzzer.get("result") == "ok":
        parts.append(text["rules.buzzed"].format(ms=number(buzzer["value_to_answer_ms"], 1)))
    elif buzzer:
        parts.append(text["rules.not_buzzed"].format(why=buzzer.get("result")))
    if webhook:
        parts.append(text["rules.sent"].format(result=webhook.get("result")))
    if one.acknowledged_us is not None:
        parts.append(text["rules.acknowledged"])
    return [" · ".join(parts)] if parts else []


# --- callbacks


def register(app: Dash, monitor: Monitor) -> None:
    """Trying looks only; saving, removing and acknowledging write to RULE_RESULT, which only operators may."""
    fields = [State(ids.rule(field), "value") for field in FIELDS]

    @app.callback(
        *(Output(ids.rule(field), "value") for field in FIELDS),
        Output(ids.RULE_PICK, "value"),
        Output(ids.RULE_MOVED, "data"),
        Output(ids.RULE_CANCEL, "style"),
        Input(ids.RULE_PICK, "value"),
        Input(ids.RULE_CANCEL, "n_clicks"),
        Input(ids.MOVED, "data"),
    )
    async def show_rule(picked: str, _cancel: int, moved: dict[str, Any] | None) -> Any:
        known = {rule.id: rule for rule in monitor.alerts.rules.rules}
        if ctx.triggered_id in (ids.RULE_PICK, ids.RULE_CANCEL):
            return (*form_values(known.get(picked)), no_update, None, HIDDEN)
        if not moved:  # nothing was dragged, or it is over: the fields stay as they are
            return (*(no_update,) * (len(FIELDS) + 2), HIDDEN)
        rule = known.get(moved["rule"])
        return (*form_values(rule and moved_to(rule, moved["on"])), rule.id if rule else NEW, moved, SHOWN)

    @app.callback(
        Output(ids.MOVE_GIVEN_UP, "data"),
        Input(ids.RULE_CANCEL, "n_clicks"),
        Input(ids.RULE_PICK, "value"),
        State(ids.MOVED, "data"),
        prevent_initial_call=True,
    )
    async def give_up(_cancel: int, picked: str, moved: dict[str, Any] | None) -> Any:
        if not moved or (ctx.triggered_id == ids.RULE_PICK and picked == moved["rule"]):
            return no_update
        return moved

    @app.callback(
        Output(ids.rule("actions"), "value", allow_duplicate=True),
        Input(ids.rule("severity"), "value"),
        State(ids.RULE_PICK, "value"),
        State(ids.rule("actions"), "value"),
        prevent_initial_call=True,
    )
    async def usual(severity: str, picked: str, actions: list[str]) -> Any:
        more = [str(name) for name in USUAL_ACTIONS[Level(severity)] if name not in actions]
        return [*more, *actions] if picked == NEW and more else no_update

    @app.callback(
        Output(ids.RULE_PICK, "options"),
        Input(ids.RULE_RESULT, "children"),
        Input(ids.SNOOZE_RESULT, "children"),
        Input(ids.VIEW, "data"),
    )
    async def show_rules(_done: Any, _snoozed: Any, choices: Any) -> Any:
        return options(monitor.alerts.rules, View.from_store(choices), monitor.clock.now_us())

    @app.callback(
        Output(ids.RULE_TRIAL, "children"),
        Output(ids.TRIAL, "data"),
        Input(ids.RULE_TRY, "n_clicks"),
        Input(ids.RULE_MOVED, "data"),
        State(ids.VIEW, "data"),
        State(ids.RULE_PICK, "value"),
        *fields,
        running=[(Output(ids.RULE_TRY, "disabled"), True, False), (Output(ids.RULE_BUSY, "hidden"), False, True)],
        prevent_initial_call=True,
    )
    async def try_rule(clicks: int, moved: Any, choices: Any, picked: str, *given: Any) -> Any:
        if ctx.triggered_id == ids.RULE_MOVED and not moved:  # put back, or another rule: what was tried is of the past
            return "", []
        if not clicks and not moved:
            return no_update, no_update
        view, now_us = View.from_store(choices), monitor.clock.now_us()
        rule = rule_of(dict(zip(FIELDS, given, strict=True)), picked, _device(view), monitor.alerts.rules.rules)
        if rule is None:
            return said(words(view.language)["rules.no_limit"], "problem"), []
        try:
            ask = (rule, _device(view), now_us - TRIED_US, now_us)
            result = await to_thread.run_sync(monitor.alerts.back_test, *ask)
        except PowermonError as error:
            return said(phrase(str(error), view.language), "problem"), []
        return render_trial(result, view, now_us), drawn(result)

    @app.callback(
        Output(ids.RULE_RESULT, "children"),
        Output(ids.RULE_RESULT, "data-saved"),
        Input(ids.RULE_SAVE, "n_clicks"),
        Input(ids.RULE_REMOVE, "n_clicks"),
        Input(ids.ACKNOWLEDGE, "n_clicks"),
        State(ids.VIEW, "data"),
        State(ids.RULE_PICK, "value"),
        *fields,
        prevent_initial_call=True,
    )
    async def change(_save: int, _remove: int, _acknowledge: int, choices: Any, picked: str, *given: Any) -> Any:
        if not ctx.triggered[0]["value"]:
            return no_update, no_update
        view = View.from_store(choices)
        values = dict(zip(FIELDS, given, strict=True))
        try:
            done = await to_thread.run_sync(_change, str(ctx.triggered_id), view, picked, values)
        except PowermonError as error:
            field = error.field if isinstance(error, BadRequest) else ""
            return said(phrase(str(error), view.language) or field, "problem"), no_update
        return done, no_update if ctx.triggered_id == ids.ACKNOWLEDGE else monitor.clock.now_us()

    # A callback of its own: one that writes to what is there already runs when its inputs are mounted, and the guard would
    # refuse a viewer what nobody asked for.
    @app.callback(Output(ids.MOVE_SAVED, "data"), Input(ids.RULE_RESULT, "data-saved"), prevent_initial_call=True)
    def saved(at_us: int | None) -> Any:
        return at_us or no_update

    def _change(button: str, view: View, picked: str, values: dict[str, Any]) -> Component:
        text = words(view.language)
        if button == ids.RULE_REMOVE:
            monitor.alerts.remove_rule(picked)
            return said(text["rules.removed"])
        if button == ids.ACKNOWLEDGE:
            episodes = monitor.alerts.episodes(_device(view), 0, ALWAYS_US, TOLD)
            new = [one for one in episodes if one.acknowledged_us is None]
            for one in new:
                monitor.alerts.acknowledge(one.id)
            return said(text["rules.all_seen"].format(n=number(len(new), 0)))
        rule = rule_of(values, picked, _device(view), monitor.alerts.rules.rules)
        if rule is None:
            return said(text["rules.no_limit"], "problem")
        monitor.alerts.set_rule(rule)
        return said(text["rules.saved"].format(rule=rule_text(rule, view.language)))

    def _device(view: View) -> str:
        return view.device or monitor.default_device() or ""

    @app.callback(
        Output(ids.EPISODES, "children"),
        Output(ids.EPISODES, "data-shown"),
        Input(ids.SLOW, "n_intervals"),
        Input(ids.VIEW, "data"),
        Input(ids.RULE_RESULT, "children"),
        State(ids.EPISODES, "data-shown"),
    )
    async def show_episodes(_n: int, choices: Any, _done: Any, shown: str | None) -> Any:
        view = View.from_store(choices)
        found = await to_thread.run_sync(monitor.alerts.episodes, _device(view) or None, 0, ALWAYS_US, TOLD)
        return only_changed(render(found, view, monitor.clock.now_us()), shown)
