"""Korean, continued: strip, alerts, toolbar, chart."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "language.code": "ko",
    "language.other": "English",
    "drawer.events": "기록",
    "cards.name": "현재 값",
    "choice.theme": "색: 시스템, 밝게, 어둡게",
    "banner.stale": "측정값이 멈췄습니다. 포트는 열려 있지만 보드가 아무것도 보내지 않습니다.",
    "banner.noboard": "아직 보드를 찾지 못했습니다.",
    "banner.level.warning": "경고: {channel} 값이 경고 한계를 벗어났습니다 ({value}).",
    "banner.level.danger": "위험: {channel} 값이 위험 한계를 벗어났습니다 ({value}).",
    "stat.of": "{s}초",
    "stat.pp": "p-p",
    "stat.std": "σ",
    "chart.from": "시작",
    "chart.to": "끝",
    "chart.tool": "끌었을 때의 동작",
    "chart.toolbar": "그래프 도구",
    "tool.zoom": "확대",
    "tool.select": "선택",
    "tool.pan": "이동",
    "option.overlaid": "겹치기",
    "option.zero": "0 포함",
    "option.locked": "y축 고정",
    "chart.marks": "사건",
    "chart.marked": "믿을 수 없는 값",
    "line.name": "구간과 선택 영역의 수치",
    "overview.name": "전체 기록; 끌어서 구간을 고릅니다",
    "overview.record": "전체 기록",
}
