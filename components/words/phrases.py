"""Sentences that the program says in English (why a link failed, what the disk does, what was refused) in other languages.

They come as text, with names and numbers in them. Each is known here by its pattern: `{name}` stands for what varies, and
is translated by itself when it is a known sentence too. What is not known is shown as it came. Pure.
"""

from __future__ import annotations

import re
from functools import cache

MEANWHILE = "{cause}: readings wait in memory and are written as soon as it works again"

# The first that fits is taken: particular ones stand before general ones.
KOREAN: dict[str, str] = {
    # links and ports (services/link)
    "{url}: {cause}; is the other end running?": "{url}: {cause}. 상대 프로그램이 실행 중인지 확인하세요.",
    "{url} is not there: unplugged, or under another name (ports found: {ports}); a container must be given it "
    "with `{option}`; it is tried again by itself": (
        "{url} 포트가 없습니다. 뽑혔거나 이름이 바뀌었습니다 (찾은 포트: {ports}). "
        "컨테이너에는 `{option}` 옵션으로 넘겨야 합니다. 자동으로 다시 시도합니다."
    ),
    "{url} is not there: unplugged, or under another name (ports found: none); it is tried again by itself": (
        "{url} 포트가 없습니다. 뽑혔거나 이름이 바뀌었습니다 (찾은 포트 없음). 자동으로 다시 시도합니다."
    ),
    "{url} is not there: unplugged, or under another name (ports found: {ports}); it is tried again by itself": (
        "{url} 포트가 없습니다. 뽑혔거나 이름이 바뀌었습니다 (찾은 포트: {ports}). 자동으로 다시 시도합니다."
    ),
    "{url} is in use by {who}: close that program (or its serial monitor); it is tried again by itself": (
        "{url} 포트를 {who}에서 사용 중입니다. 그 프로그램이나 시리얼 모니터를 닫으세요. 자동으로 다시 시도합니다."
    ),
    "{url} is in use: close that program (or its serial monitor); it is tried again by itself": (
        "{url} 포트를 다른 프로그램이 사용 중입니다. 그 프로그램이나 시리얼 모니터를 닫으세요. 자동으로 다시 시도합니다."
    ),
    "{url} was closed at the other end; it is tried again by itself": (
        "{url} 연결을 상대 쪽에서 닫았습니다. 자동으로 다시 시도합니다."
    ),
    "{url} says nothing; it is tried again by itself": "{url}에서 아무것도 오지 않습니다. 자동으로 다시 시도합니다.",
    "{url}: {cause}; it is tried again by itself": "{url}: {cause}. 자동으로 다시 시도합니다.",
    "{url}: no permission; run `{command}`, then log out and in again": (
        "{url}: 권한이 없습니다. `{command}` 명령을 실행한 뒤 로그아웃했다가 다시 로그인하세요."
    ),
    "{url}: permission denied; another program may have it open": (
        "{url}: 권한이 없습니다. 다른 프로그램이 사용 중일 수 있습니다."
    ),
    "{url}: no permission, and no group has one; run `{command}`": (
        "{url}: 권한이 없고, 권한을 가진 그룹도 없습니다. `{command}` 명령을 실행하세요."
    ),
    "{url}: no permission yet: you are in the group {group}, but not in this session; log out and in again": (
        "{url}: 아직 권한이 없습니다. {group} 그룹에 속해 있지만 이 세션에는 반영되지 않았습니다. "
        "로그아웃했다가 다시 로그인하세요."
    ),
    "{url}: not allowed in this container; start it with `{options}`": (
        "{url}: 이 컨테이너에서는 허용되지 않습니다. `{options}` 옵션으로 컨테이너를 시작하세요."
    ),
    "{url}: permission denied": "{url}: 권한이 없습니다.",
    "{url} was unplugged or its driver gave up; it is tried again by itself": (
        "{url} 포트가 뽑혔거나 드라이버가 멈췄습니다. 자동으로 다시 시도합니다."
    ),
    "{url} is no serial port: choose one of those that are there ({ports})": (
        "{url}은(는) 시리얼 포트가 아닙니다. 있는 포트 중에서 고르세요 ({ports})."
    ),
    "{url} did not open within {s} s": "{url} 포트가 {s}초 안에 열리지 않았습니다",
    "no board is connected: plug one in, or name its port": "연결된 보드가 없습니다. 보드를 꽂거나 포트 이름을 지정하세요.",
    "{n} boards were found; choose one on the page": "보드 {n}개를 찾았습니다. 페이지에서 하나를 고르세요.",
    "a board was found at {url} ({description}): it can be connected": (
        "{url}에서 보드를 찾았습니다 ({description}). 연결할 수 있습니다."
    ),
    "{device} was removed; its record stays": "{device} 보드를 제거했습니다. 기록은 남아 있습니다.",
    "bytes come, but no line of a board: another speed (--baud), or another device": (
        "데이터는 오지만 보드의 줄이 아닙니다. 속도(--baud)가 다르거나 다른 장치입니다."
    ),
    "nothing came within {s} s: connect it if it is your board": (
        "{s}초 동안 아무것도 오지 않았습니다. 본인의 보드라면 연결하세요."
    ),
    "lines arrive, but none is a reading: {k} of {n} refused ({reasons}): {cause}": (
        "줄은 도착하지만 측정값이 하나도 없습니다. {n}줄 중 {k}줄을 받아들이지 않았습니다 ({reasons}). {cause}"
    ),
    "{k} of the last {n} lines were refused ({reasons}): {cause}": (
        "최근 {n}줄 중 {k}줄을 받아들이지 않았습니다 ({reasons}). {cause}"
    ),
    "{n} bytes came, but no end of a line: {cause}": "{n}바이트가 왔지만 줄 끝이 없습니다. {cause}",
    "the board ends its lines with a carriage return alone; each must end with a line feed": (
        "보드가 줄을 캐리지 리턴으로만 끝냅니다. 각 줄은 줄바꿈(LF)으로 끝나야 합니다."
    ),
    "probably another baud rate ({baud} here), or another device": "통신 속도가 다르거나(여기는 {baud}) 다른 장치로 보입니다.",
    "probably another device, or a sketch that does not send JSON": "다른 장치이거나 JSON을 보내지 않는 스케치로 보입니다.",
    "JSON of another device, or of a sketch that does not send v and a": (
        "다른 장치의 JSON이거나 v와 a를 보내지 않는 스케치입니다."
    ),
    "noise on the line, or two programs that write to it": "선의 잡음이거나 두 프로그램이 함께 쓰고 있습니다.",
    "the numbers of {k} of the last {n} lines contradict the others: probably two boards on one port": (
        "최근 {n}줄 중 {k}줄의 번호가 다른 줄과 맞지 않습니다. 한 포트에 보드가 두 개인 것으로 보입니다."
    ),
    "{k} of the last {n} lines repeat a number: `seq` must grow by one with each reading": (
        "최근 {n}줄 중 {k}줄이 같은 번호를 되풀이합니다. `seq`는 측정마다 1씩 늘어야 합니다."
    ),
    "lines arrive, but the board does not answer who it is (`hello`): is its receiving line connected?": (
        "줄은 도착하지만 보드가 자신을 밝히지 않습니다(`hello`). 보드의 수신선(RX)이 연결되어 있는지 확인하세요."
    ),
    "the lines are readings again": "다시 측정값이 들어옵니다.",
    "{url} was closed at the other end": "{url} 연결을 상대 쪽에서 닫았습니다",
    "{url} was closed": "{url} 연결이 닫혔습니다.",
    "the link was lost": "연결이 끊어졌습니다",
    "{device} is not connected: {why}": "{device}에 연결되어 있지 않습니다: {why}",
    "the simulated board did not start: {why}": "가상 보드가 시작되지 않았습니다: {why}",
    "the simulated board does not answer: {why}": "가상 보드가 응답하지 않습니다: {why}",
    # what the system says of them
    "[Errno {number}] {cause}": "{cause} (오류 {number})",
    "Could not open port {url}: {cause}": "포트를 열 수 없습니다 ({cause})",
    "could not open port {url}: {cause}": "포트를 열 수 없습니다 ({cause})",
    "Connection refused": "연결이 거부됨",
    "No such file or directory": "파일이나 장치가 없음",
    "No route to host": "호스트에 이르는 경로가 없음",
    "Name or service not known": "알 수 없는 호스트 이름",
    "Input/output error": "입출력 오류",
    "timed out": "시간 초과",
    # the recording (services/storage)
    "{problem}; {n} readings did not fit into memory and are lost": (
        "{problem} 측정값 {n}개는 메모리에 들어가지 못해 손실되었습니다."
    ),
    MEANWHILE: "{cause}. 측정값은 메모리에서 기다리며 다시 동작하면 바로 기록합니다.",
    "the disk has not answered for {s} s: readings wait in memory": (
        "디스크가 {s}초 동안 응답하지 않습니다. 측정값은 메모리에서 기다립니다."
    ),
    "the disk could not keep up for a while": "한동안 디스크가 따라가지 못했습니다.",
    "the disk is full": "디스크가 가득 찼습니다",
    "the disk is nearly full": "디스크가 거의 찼습니다.",
    "the disk may only be read": "디스크가 읽기 전용입니다",
    "the disk refuses ({cause})": "디스크가 거부합니다 ({cause})",
    "the database may only be read": "데이터베이스가 읽기 전용입니다",
    "another program holds the database": "다른 프로그램이 데이터베이스를 잡고 있습니다",
    "the database file cannot be opened": "데이터베이스 파일을 열 수 없습니다",
    "the database cannot be written ({cause})": "데이터베이스에 쓸 수 없습니다 ({cause})",
    "{event}. Recording goes on in the new file {new}; the newest {n} readings were still in memory and are written again": (
        "{event} 새 파일 {new}에 계속 기록하며, 메모리에 남아 있던 최근 측정값 {n}개를 다시 기록합니다."
    ),
    "{event}. Recording goes on in the new file {new}": "{event} 새 파일 {new}에 계속 기록합니다.",
    "{event}. Recording goes on in {new}; the newest {n} readings were still in memory and are written again": (
        "{event} {new}에 계속 기록하며, 메모리에 남아 있던 최근 측정값 {n}개를 다시 기록합니다."
    ),
    "{event}. Recording goes on in {new}": "{event} {new}에 계속 기록합니다.",
    "a file beside {name} (-wal, -shm) was deleted while it was written: all of it was moved into {into}": (
        "기록 중에 {name}에 딸린 파일(-wal, -shm)이 삭제되어 그 내용을 모두 {into}에 옮겼습니다."
    ),
    "{name} is another copy of the same record now: {old}": "{name} 자리에 같은 기록의 다른 사본이 있습니다. {old}",
    "{name} is another copy of the same record now": "{name} 자리에 같은 기록의 다른 사본이 있습니다.",
    "{name} was replaced by another file while it was written: {old}": "기록 중에 {name} 파일이 다른 파일로 바뀌었습니다. {old}",
    "{name} was deleted while it was written: {old}": "기록 중에 {name} 파일이 삭제되었습니다. {old}",
    "{name} was renamed while it was written: {old}": "기록 중에 {name} 파일의 이름이 바뀌었습니다. {old}",
    "what was recorded until now is in {file}": "지금까지의 기록은 {file}에 있습니다.",
    "what it held is gone with it": "그 안의 기록은 함께 사라졌습니다.",
    "{name} is another file now, which was left as it is: recording goes on in {new}": (
        "{name} 자리에 다른 파일이 있어 그대로 두고 {new}에 기록합니다."
    ),
    "it was cut short or overwritten by another program": "다른 프로그램이 파일을 잘랐거나 덮어썼습니다",
    "the database was damaged ({why}): it was moved aside to {file} and a new one was started": (
        "데이터베이스가 손상되어 ({why}) {file}(으)로 옮기고 새로 시작했습니다."
    ),
    "the storage thread died and was started again; nothing that waited was lost": (
        "기록 스레드가 멈춰 다시 시작했습니다. 기다리던 측정값은 모두 그대로입니다."
    ),
    "{n} rows could not be stored as they were; the log names them": (
        "행 {n}개를 그대로 저장할 수 없었습니다. 로그에 나와 있습니다."
    ),
    # what was refused
    "{device} or {url} is in use already": "{device} 또는 {url}은(는) 이미 사용 중입니다.",
    "{n} boards are connected already": "이미 보드 {n}개가 연결되어 있습니다.",
    "{n} commands are waiting already; the board does not answer": (
        "명령 {n}개가 이미 기다리고 있습니다. 보드가 응답하지 않습니다."
    ),
    "a name has 1 to 32 letters, digits, dots, dashes or underscores, and is not 'demo'": (
        "이름은 글자, 숫자, 점, 줄표, 밑줄 1~32자이며 'demo'는 쓸 수 없습니다."
    ),
    "{name} is the name of another board already": "{name}은(는) 이미 다른 보드의 이름입니다.",
    "{url} is read already, as {device}: remove it first to change its speed or DTR": (
        "{url}은(는) 이미 {device}(으)로 읽고 있습니다. 속도나 DTR을 바꾸려면 먼저 연결을 끊으세요."
    ),
    "{url} is read already, as {device}": "{url}은(는) 이미 {device}(으)로 읽고 있습니다.",
    "{device} is being added or removed just now": "{device}을(를) 지금 추가하거나 제거하는 중입니다.",
    "{device} has no link: there is only its record, which stays": (
        "{device}은(는) 연결되어 있지 않습니다. 기록만 있으며 그대로 남습니다."
    ),
    "url: this is none of the ports that were found; --allow-connect adds others": (
        "찾은 포트가 아닙니다. 다른 포트는 --allow-connect 옵션으로 허용합니다."
    ),
    "url: must be a port or a URL, written in printable characters without spaces": "공백 없이 포트나 URL을 입력하세요.",
    "url: must look like {scheme}://host:port, with nothing behind the port": "{scheme}://호스트:포트 형식이어야 합니다.",
    "url: loop:// takes nothing behind it": "loop:// 뒤에는 아무것도 쓰지 않습니다.",
    "url: {scheme}:// may be used on the command line only": "{scheme}://은(는) 명령줄에서만 쓸 수 있습니다.",
    "completeness cannot be tried: the record says that a reading was asked for again, not when it came": (
        "완전성 규칙은 시험할 수 없습니다. 기록에는 다시 요청해 받은 측정값이라는 것만 남고 언제 도착했는지는 남지 않습니다."
    ),
    "the program is stopping": "프로그램이 종료되는 중입니다.",
    # rules of alerts (services/analysis/alert_rules.py)
    "name: must be at most {n} printable characters": "이름은 표시할 수 있는 글자 {n}자 이하여야 합니다.",
    "{field}: must be a finite number of seconds from {low} to {high}": "{field}: {low}에서 {high} 사이의 초여야 합니다.",
    "{field}: must be a finite number from {low} to {high}": "{field}: {low}에서 {high} 사이의 숫자여야 합니다.",
    "off: {off} must not be above on ({on})": "해제 값 {off}은(는) 한계 {on}보다 클 수 없습니다.",
    "off: {off} must not be below on ({on})": "해제 값 {off}은(는) 한계 {on}보다 작을 수 없습니다.",
    "on: completeness is a share from 0 to 1, so on and off must be too": (
        "완전성은 0에서 1 사이의 비율이므로 한계와 해제 값도 그 사이여야 합니다."
    ),
    "on: an age is watched from above, in seconds greater than 0": (
        "무응답 시간은 0보다 큰 초 단위 한계를 넘을 때만 감시할 수 있습니다."
    ),
    "actions: a board that says nothing cannot be told to sound its buzzer": (
        "아무 말도 하지 않는 보드의 버저는 울릴 수 없습니다."
    ),
    "rules: at most {n}": "규칙은 최대 {n}개입니다.",
    "there is no simulated board": "가상 보드가 없습니다.",
    "faults are for the simulated board only": "고장은 가상 보드에서만 만들 수 있습니다.",
    "scenarios are for the simulated board only": "시나리오는 가상 보드에서만 쓸 수 있습니다.",
    "a replay measures what was recorded: it has no scenario": "재생은 기록된 것을 측정하므로 시나리오가 없습니다.",
    "the database cannot be written now: nothing was changed": "지금은 데이터베이스에 쓸 수 없어 아무것도 바꾸지 않았습니다.",
    "{name} must be a whole number from {low} to {high}": "{name}: {low}에서 {high} 사이의 정수여야 합니다.",
    "{name} must be a number from {low} to {high}": "{name}: {low}에서 {high} 사이의 숫자여야 합니다.",
    "retention_h must be less than the {h} hours of --compact-days": (
        "retention_h: --compact-days로 정한 {h}시간보다 작아야 합니다."
    ),
    "the program made a mistake; its log has the details": "프로그램에 오류가 있었습니다. 자세한 내용은 로그에 있습니다.",
    "no answer": "응답 없음",
    # why a line was not accepted
    "more than {n} bytes": "{n}바이트 초과",
    "no checksum where it is due": "있어야 할 체크섬이 없음",
    "its bytes give {crc}": "실제 바이트의 값은 {crc}",
    "a {type}, not an object": "객체가 아닌 {type}",
    "status is not a text": "status가 글자가 아님",
    "missing": "없음",
    **{f"{name} is {{value}}": f"{name} 값: {{value}}" for name in ("v", "a", "w")},
}
KNOWN: dict[str, dict[str, str]] = {"ko": KOREAN}


def phrase(text: str, language: str) -> str:
    """The sentence in a language; as it came when it is not known."""
    for pattern, template in _patterns(language):
        found = pattern.fullmatch(text)
        if found is not None:
            values = {name: phrase(value, language) for name, value in found.groupdict().items()}
            return template.format(**values)
    return text


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    pairs = KNOWN.get(language, {})
    return [(re.compile(_expression(english), re.DOTALL), template) for english, template in pairs.items()]


def _expression(english: str) -> str:
    """A pattern whose groups are the values."""
    parts = re.split(r"\{(\w+)\}", english)
    return "".join(f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
