"""The export: what and how, with readings, size and time before it starts; a link to the streamed /api/history.

The browser saves the stream itself, to disk, with its own progress and cancel: 48 hours never stand in its memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import dash_bootstrap_components as dbc
import msgspec
from anyio import to_thread
from dash import Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from components import ids
from components.look.parts import attrs, exact, icon
from components.look.times import duration, span_text
from components.look.units import data_size, number
from components.view import Range, View
from components.words.phrases import phrase
from components.words.text import words
from services.errors import PowermonError

if TYPE_CHECKING:
    from services.monitor import Monitor

SCOPES, FORMATS = ("all", "window", "selection"), ("csv", "parquet")
CHOICES = {
    "scope": SCOPES,
    "format": FORMATS,
    "delimiter": ("comma", "semicolon", "tab"),
    "decimal": ("point", "comma"),
    "zone": ("utc", "local"),
    "header": ("units", "plain"),
}
CSV_ONLY = ("delimiter", "decimal", "zone", "header")


class Wanted(msgspec.Struct, frozen=True):
    """The choices of the dialog."""

    scope: str = "window"
    format: str = "csv"
    delimiter: str = "comma"
    decimal: str = "point"
    zone: str = "utc"
    header: str = "units"


class Offer(msgspec.Struct, frozen=True):
    """What there would be to save. `span_us` None: nothing is stored; `source`: demo, replay or empty for what was measured."""

    span_us: Range | None
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    source: str = ""
    problem: str = ""


def button(text: dict[str, str]) -> Component:
    """Opens the dialog."""
    return dbc.Button(text["export.open"], id=ids.EXPORT, size="sm", outline=True, color="secondary", n_clicks=0)


def layout() -> Component:
    """Closed and empty."""
    return dbc.Modal([], id=ids.EXPORT_DIALOG, is_open=False, centered=True, labelledby="export-title")


def content(view: View) -> list[Component]:
    """The dialog's inside; what can be chosen follows from the view."""
    text = words(view.language)
    fields = [_choice(name, view, text) for name in CHOICES]
    close = dbc.Button(text["export.close"], id="export-close", outline=True, color="secondary", n_clicks=0)
    unusable = attrs(aria_disabled="true")
    link = html.A(text["export.start"], id=ids.EXPORT_LINK, className="btn btn-primary disabled", **unusable)
    return [
        dbc.ModalHeader(dbc.ModalTitle(text["export.title"], id="export-title"), close_button=True),
        dbc.ModalBody(
            [html.Div(fields, className="form"), html.Div([], id=ids.EXPORT_ESTIMATE, role="status", className="estimate number")]
        ),
        dbc.ModalFooter([close, link]),
    ]


def _choice(name: str, view: View, text: dict[str, str]) -> Component:
    chosen = first_choices(view)
    usable = [value for value in CHOICES[name] if value != "selection" or view.selection_us is not None]
    options = [{"label": text[f"export.{name}.{value}"], "value": value} for value in usable]
    select = dbc.Select(id=ids.export(name), options=options, value=getattr(chosen, name))
    return html.Label([text[f"export.{name}"], select], id=f"export-field-{name}", className="field")


def first_choices(view: View) -> Wanted:
    """A selection is meant when there is one."""
    return Wanted(scope="window" if view.selection_us is None else "selection")


def agreed(wanted: Wanted) -> Wanted:
    """A comma cannot part columns and decimals at once."""
    clash = wanted.decimal == "comma" and wanted.delimiter == "comma"
    return msgspec.structs.replace(wanted, delimiter="semicolon") if clash else wanted


def span_of(wanted: Wanted, view: View, record: Range | None, now_us: int) -> Range | None:
    """[from, to) of what is meant. All: from the first stored reading, not from 1970."""
    if record is None:
        return None
    whole = (record[0], record[1] + 1)
    if wanted.scope == "selection" and view.selection_us is not None:
        return view.selection_us
    if wanted.scope == "window":
        t0_us, t1_us = view.range_us or (now_us - view.span_s * 1_000_000, now_us)
        return max(t0_us, min(whole[0], t1_us - 1)), t1_us
    return whole


def address(wanted: Wanted, device: str, span_us: Range, zone: str) -> str:
    """The link to the stream."""
    asked = {"device": device, "from": f"{span_us[0] / 1e6:.6f}", "to": f"{span_us[1] / 1e6:.6f}", "format": wanted.format}
    if wanted.format == "csv":
        how = {"delimiter": wanted.delimiter, "decimal": wanted.decimal, "header_units": str(wanted.header == "units").lower()}
        asked |= how | {"zone": "UTC" if wanted.zone == "utc" else zone}
    return f"/api/history?{urlencode(asked)}"


def render(offer: Offer, view: View, now_us: int) -> list[Component]:
    """When, how many, how large, how long; and that it was not measured, when it was not."""
    text = words(view.language)
    if offer.problem:
        return [_note(phrase(offer.problem, view.language))]
    if offer.span_us is None:
        return [html.P(text["chart.empty"])]
    seconds = duration(max(1.0, round(offer.seconds)), text)
    told = text["export.estimate"].format(rows=number(offer.rows, 0), size=data_size(offer.bytes), time=seconds)
    found: list[Component] = [
        html.P(span_text(*offer.span_us, view.zone, now_us), className="hint"),
        html.P(html.Strong(told, **exact(offer.rows))),
    ]
    return found + ([_note(text[f"export.{offer.source}"])] if offer.source else [])


def _note(told: str) -> Component:
    return html.P([icon("info"), html.Span(told)], className="said")


def offer_of(monitor: Monitor, view: View, wanted: Wanted) -> Offer:
    """Asks the façade; for a worker thread."""
    device = view.device or monitor.default_device() or ""
    span_us = span_of(wanted, view, monitor.extent(device) if device else None, monitor.clock.now_us())
    if span_us is None:
        return Offer(None)
    info = next((each for each in monitor.devices() if each.device == device), None)
    source = "" if info is None else "replay" if info.replay else "demo" if info.demo else ""
    try:
        estimate = monitor.estimate(device, *span_us, wanted.format)
    except PowermonError as error:
        return Offer(span_us, problem=str(error))
    return Offer(span_us, estimate["rows"], estimate["bytes"], estimate["seconds"], source)


def register(app: Dash, monitor: Monitor) -> None:
    """Opens the dialog; asks anew what it would be with each choice."""

    @app.callback(
        Output(ids.EXPORT_DIALOG, "is_open"),
        Output(ids.EXPORT_DIALOG, "children"),
        Input(ids.EXPORT, "n_clicks"),
        State(ids.VIEW, "data"),
        prevent_initial_call=True,
    )
    def open_export(clicks: int | None, choices: Any) -> Any:
        return (True, content(View.from_store(choices))) if clicks else (no_update, no_update)

    @app.callback(
        Output(ids.EXPORT_DIALOG, "is_open", allow_duplicate=True),
        Input("export-close", "n_clicks"),
        prevent_initial_call=True,
    )
    def close_export(clicks: int | None) -> Any:
        return False if clicks else no_update

    @app.callback(
        Output(ids.EXPORT_ESTIMATE, "children"),
        Output(ids.EXPORT_LINK, "href"),
        Output(ids.EXPORT_LINK, "className"),
        Output(ids.EXPORT_LINK, "aria-disabled"),
        Output(ids.export("delimiter"), "value"),
        *(Output(f"export-field-{name}", "hidden") for name in CSV_ONLY),
        *(Input(ids.export(name), "value") for name in CHOICES),
        State(ids.VIEW, "data"),
    )
    async def estimate(*given: Any) -> Any:
        *values, choices = given
        view, wanted = View.from_store(choices), agreed(Wanted(*values))
        offer = await to_thread.run_sync(offer_of, monitor, view, wanted)
        shown = render(offer, view, monitor.clock.now_us())
        usable = offer.span_us is not None and offer.rows > 0
        device = view.device or monitor.default_device() or ""
        link = address(wanted, device, offer.span_us, view.local_zone) if usable and offer.span_us is not None else None
        look = ("btn btn-primary", "false") if usable else ("btn btn-primary disabled", "true")
        return shown, link, *look, wanted.delimiter, *[wanted.format != "csv"] * len(CSV_ONLY)
