"""What is wrong and what to do about it: link, program, recording. Apart from them, what is only worth knowing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import to_thread
from dash import Dash, Input, Output, html, no_update
from dash.development.base_component import Component

from components import ids
from components.parts import attrs, button, icon, word
from components.phrases import phrase
from components.text import words

if TYPE_CHECKING:
    from services.monitor import Monitor


def layout() -> Component:
    """All banners, hidden until they have something to say."""
    return html.Div(
        [
            _banner(ids.PROGRAM_BANNER, "danger", [html.Strong(id=ids.PROGRAM_BANNER_TEXT)]),
            _banner(
                ids.LINK_BANNER,
                "warning",
                [
                    html.Span(id=ids.LINK_BANNER_TEXT, className="banner-text"),
                    html.Span(id=ids.LINK_COUNTDOWN, className="number"),
                ],
            ),
            html.Div(id=ids.STORAGE_BANNER),
        ],
        className="banners",
    )


def notices() -> Component:
    """What is no problem: the demo says so, and a real board that waits is offered."""
    connect = html.A(word("banner.demo.connect"), href=f"#{ids.PORTS_PANEL}")
    return html.Div(
        [
            _banner(
                ids.OFFER_BANNER,
                "info",
                [html.Span(id=ids.OFFER_TEXT), button(ids.OFFER_BUTTON, "banner.offer.show", "button small")],
            ),
            _banner(ids.DEMO_BANNER, "info", [html.Span([word("banner.demo", id="demo-banner-text"), " ", connect])]),
        ],
        className="banners notices",
    )


def register(app: Dash, monitor: Monitor) -> None:
    """The recording's health comes from the server every few seconds."""

    @app.callback(Output(ids.STORAGE_BANNER, "children"), Input(ids.SLOW_PULSE, "data"))
    async def show_storage_problem(pulse: dict[str, str] | None) -> object:
        if not pulse:
            return no_update
        storage = (await to_thread.run_sync(monitor.health)).storage
        language = pulse["language"]
        lines = [phrase(storage.problem, language)] if storage.problem else []
        if storage.dropped:
            lines.append(words(language)["storage.dropped"].format(n=storage.dropped))
        return [
            html.Div(
                [icon("warning"), html.Span(line, className="banner-text")],
                className="banner",
                **attrs(data_kind="danger", role="alert"),
            )
            for line in lines
        ] + [
            html.Div(
                [icon("info"), html.Span(phrase(note, language), className="banner-text")],
                className="banner",
                **attrs(data_kind="info"),
            )
            for note in storage.notes
        ]


def _banner(id_: str, kind: str, children: list[Component]) -> Component:
    sign = "info" if kind == "info" else "warning"
    return html.Div([icon(sign), *children], id=id_, className="banner", hidden=True, **attrs(data_kind=kind))
