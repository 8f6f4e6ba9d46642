"""What is wrong and what to do about it, above everything else: link, recording, limits. Nothing is wrong: nothing is there."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component

from components import ids
from components.feed import Look
from components.look.parts import icon, with_commands
from components.look.scales import Scale
from components.panels.rules import rule_text
from components.panels.strip import state_of
from components.view import View
from components.words.phrases import phrase
from components.words.text import words
from services.alert_model import Level
from services.live_model import StorageHealth

MOST_OTHERS = 3  # rules that fire, each with a line of its own


def layout(text: dict[str, str]) -> Component:
    """Empty as long as nothing is wrong. That the program does not answer, assets/offline.js shows."""
    said = [icon("warning"), html.Span(text["banner.offline.now"])]
    offline = html.Div(said, id=ids.OFFLINE, className="alert banner banner-danger", role="alert", hidden=True)
    return html.Div([offline, html.Div([], id=ids.ALERTS)], className="alerts")


def render(look: Look, view: View, storage: StorageHealth, scales: dict[str, Scale]) -> list[Component]:
    """Worst first; each says what happened, what it means and what comes next."""
    text = words(view.language)
    found = [*_recording(storage, view, text), *_link(look, view, text), *_limits(look, text, scales), *_others(look, view)]
    if not look.device:
        found.append(_banner("info", text["banner.noboard"]))
    return found


def _link(look: Look, view: View, text: dict[str, str]) -> list[Component]:
    if look.tick is None:
        return [_banner("info", text["say.history"])] if look.device else []
    info = look.tick.state.info
    name = state_of(look)
    if name not in ("reconnecting", "stale") and not info.problem:
        return []
    said = phrase(info.problem, view.language) or text["banner.link.unknown" if name == "reconnecting" else "banner.stale"]
    if info.demo:  # its port is nobody's concern
        said = text["banner.demo_lost" if name == "reconnecting" else "banner.stale"]
    if name != "reconnecting":
        return [_banner("warning", said)]
    due_s = info.next_try_s
    trying = due_s is None or due_s <= 0.5
    later = text["banner.trying"] if trying or due_s is None else text["banner.next"].format(s=round(due_s + 0.5))
    return [_banner("warning", said, later)]


def _limits(look: Look, text: dict[str, str], scales: dict[str, Scale]) -> list[Component]:
    if look.tick is None or look.tick.state.last is None:
        return []
    last, found = look.tick.state.last, []
    for channel, level in look.tick.state.levels.items():
        if level is not Level.NORMAL:
            value = scales[channel].with_unit(getattr(last, channel))
            said = text[f"banner.level.{level.value}"].format(channel=text[f"channel.{channel}"], value=value)
            found.append(_banner(level.value, said))
    return found


def _others(look: Look, view: View) -> list[Component]:
    """Rules that fire about something else than a value on a card: silence, completeness, the sensor, the residual."""
    if look.tick is None:
        return []
    text, state = words(view.language), look.tick.state
    firing = [one.rule for one in state.alerts if one.episode and one.rule.channel not in state.levels]
    return [
        _banner(str(rule.severity), text[f"banner.rule.{rule.severity}"].format(rule=rule_text(rule, view.language)))
        for rule in firing[:MOST_OTHERS]
    ]


def _recording(storage: StorageHealth, view: View, text: dict[str, str]) -> list[Component]:
    found = [_banner("danger", phrase(storage.problem, view.language))] if storage.problem else []
    if storage.dropped:
        found.append(_banner("danger", text["storage.dropped"].format(n=storage.dropped)))
    return found + [_banner("info", phrase(note, view.language)) for note in storage.notes]


def _banner(kind: str, said: str, more: str = "") -> Component:
    sign = icon("info" if kind == "info" else "warning")
    parts = [sign, html.Span(with_commands(said))] + ([html.Span(more, className="number")] if more else [])
    return dbc.Alert(parts, color=kind, className=f"banner banner-{kind}")
