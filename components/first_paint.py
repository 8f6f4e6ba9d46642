"""What stands on the screen before Dash has loaded: the frames of strip, cards and chart, in the right colours, without a word.

Dash's own layout takes more than half a second. The frames are part of the document itself, beside the place where Dash
mounts; assets/powermon.css hides them as soon as the page is there. assets/first.js, in the head, knows the theme.
"""

from __future__ import annotations

from typing import Any

from dash import Dash

SCRIPT = "first.js"
CARDS = "".join(f'<div class="card card-channel of-{c}"><div class="value">–</div></div>' for c in "vaw")
FRAMES = f"""
    <div class="first-paint" aria-hidden="true">
      <header class="strip navbar"><div class="brand"><span class="brand-mark"></span><b>Powermon</b></div></header>
      <main>
        <section class="cards">{CARDS}<div class="card card-sums"><div class="value">–</div></div></section>
        <section class="chart-panel"><div class="toolbar"></div><div class="chart-frame"><div class="chart"></div></div></section>
      </main>
    </div>"""


class Page(Dash):
    """Dash with our frames beside its entry, our script in the head, and HTTP as its only way to the server."""

    def interpolate_index(self, **parts: Any) -> Any:  # type: ignore[override]  # Dash calls it by name
        parts["app_entry"] = parts["app_entry"] + FRAMES
        parts["metas"] = f'{parts["metas"]}\n<script src="{self.get_asset_url(SCRIPT)}"></script>'
        return super().interpolate_index(**parts)  # type: ignore[no-untyped-call]

    def _config(self) -> Any:
        """Without the address for callbacks by WebSocket: Dash's page would connect to it as soon as it is told one, whether
        or not any callback goes that way (none does), and the guard refuses it."""
        config = super()._config()  # type: ignore[no-untyped-call]
        config.pop("websocket", None)
        return config
