"""Connect a board: ports found, with what the port doctor says; a URL; or keep the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import to_thread
from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from components import ids
from components.parts import attrs, button, panel, word
from components.phrases import phrase
from components.text import EN, words
from services.model import PortInfo

if TYPE_CHECKING:
    from services.monitor import Monitor


def layout() -> Component:
    """Found ports, then the form."""
    return panel(
        "panel.ports",
        [
            html.Div(word("ports.hint", html.P, className="empty"), id=ids.PORT_LIST, className="port-list"),
            html.Div(
                [
                    _field("ports.url", ids.CONNECT_URL, "ports.url.example"),
                    _field("ports.name", ids.CONNECT_NAME, "ports.name.example", "short"),
                    button(ids.CONNECT_BUTTON, "ports.connect", "button primary"),
                ],
                className="form",
            ),
            html.P(id=ids.CONNECT_RESULT, className="result", role="status"),
        ],
        ids.PORTS_PANEL,
        tools=[
            button(ids.KEEP_DEMO, "ports.keep_demo", "button small", hidden=True),
            button(ids.PORT_LOOK, "ports.look", "button small"),
        ],
    )


def register(app: Dash, monitor: Monitor) -> None:
    """Looks at the machine's ports when asked to; connecting is a POST by assets/forms.js."""

    @app.callback(
        Output(ids.PORT_LIST, "children"),
        Input(ids.PORT_LOOK, "n_clicks"),
        State(ids.SLOW_PULSE, "data"),
        prevent_initial_call=True,
    )
    async def look(clicks: int | None, pulse: dict[str, str] | None) -> object:
        if not clicks:
            return no_update
        found = await to_thread.run_sync(monitor.ports)
        return port_list(found, pulse["language"] if pulse else "en")


def port_list(ports: list[PortInfo], language: str) -> Component:
    """Likely boards first, each with a button; advice under what cannot be used as it is."""
    text = words(language)
    if not ports:
        return html.P(text["ports.none"], className="empty")
    likely_first = sorted(ports, key=lambda port: (not port.likely, port.url))
    return html.Ul([_port(port, text, language) for port in likely_first])


def _port(port: PortInfo, text: dict[str, str], language: str) -> Component:
    about = " · ".join(part for part in (port.description, port.vid_pid) if part)
    use = html.Button(text["ports.use"], type="button", className="button small", **attrs(data_connect_url=port.url))
    lines = [
        html.Span(
            [html.Code(port.url), html.Span(text["ports.likely"], className="badge", hidden=not port.likely)],
            className="port-url",
        ),
        html.Span(about, className="port-about"),
        *([html.Span(phrase(port.advice, language), className="port-advice")] if port.advice else []),
    ]
    return html.Li([html.Div(lines), use], **attrs(data_url=port.url))


def _field(key: str, id_: str, example: str, class_name: str = "") -> Component:
    box = dcc.Input(
        id=id_, type="text", placeholder=EN[example], autoComplete="off", spellCheck="false", maxLength=200, debounce=True
    )
    # The input takes no data- attributes: the label carries its placeholder's key.
    return html.Label(
        [word(key), box], className=f"field {class_name}".strip(), htmlFor=id_, **attrs(data_placeholder_of=example)
    )
