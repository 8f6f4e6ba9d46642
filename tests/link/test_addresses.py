"""What may be opened by request: ports that were found and plain network addresses, nothing that only looks like them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import BadRequest
from services.link.addresses import checked_address

FOUND = ("/dev/ttyACM0", "COM3")


@pytest.mark.parametrize(
    "url",
    [
        "/dev/ttyACM0", "COM3", "loop://", "socket://127.0.0.1:5000", "socket://bench-2.lab:1", "rfc2217://10.0.0.7:65535",
        "socket://[::1]:5000", "socket://esp_32:23",
    ],
)  # fmt: skip
def test_what_a_bench_needs_is_allowed(url: str) -> None:
    assert checked_address(url, FOUND) == url


@pytest.mark.parametrize(
    "url",
    [
        "", " ", "auto", "COM4", "/dev/ttyACM1", "/etc/passwd", "/dev/ttyACM0 ", "/dev/../dev/ttyACM0", "/dev/ttyACM0\n",
        "spy:///dev/ttyACM0?file=/tmp/x", "alt:///dev/ttyACM0", "cp2110://x", "hwgrep://.*", "hwgrep://(a+)+$", "http://x:80",
        "socket://", "socket://x", "socket://:5", "socket://x:0", "socket://x:65536", "socket://x:5000/path", "socket://x:5?logging=debug",
        "socket://user@x:5", "socket://x:5#y", "socket://x y:5", "socket://x:5\n2026 forged", "socket://x:٣", "socket://-x:5",
        "socket://[1.2.3.4]:5", "socket://::1:5", "socket://" + "x" * 300 + ":5", "loop://?logging=debug", "loop://x",
        "rfc2217://x:5?logging=debug", "SOCKET://x:5", "Socket://x:5", "://x", "file:///etc/passwd", "socket://x:5\x00",
    ],
)  # fmt: skip
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(BadRequest) as refused:
        checked_address(url, FOUND)
    assert refused.value.field == "url" and str(refused.value).isprintable()


def test_the_answer_does_not_tell_whether_a_file_exists() -> None:
    texts = set()
    for path in ("/etc/passwd", "/etc/no-such-file", "/root/x", "relative"):
        with pytest.raises(BadRequest) as refused:
            checked_address(path, FOUND)
        texts.add(str(refused.value))
    assert len(texts) == 1


def test_an_option_widens_it() -> None:
    assert checked_address("hwgrep://2341", FOUND, ["hwgrep"]) == "hwgrep://2341"
    assert checked_address("/dev/pts/3", FOUND, ["/dev/pts/"]) == "/dev/pts/3"
    for url in ("/dev/pts/../mem", "/dev/pts/..", "/dev/mem", "spy://x"):
        with pytest.raises(BadRequest):
            checked_address(url, FOUND, ["/dev/pts/", "spy"])


@given(st.text(max_size=60) | st.from_regex(r"(socket|rfc2217|loop)://[ -~]{0,40}", fullmatch=True))
def test_what_is_allowed_is_exactly_of_a_known_shape(url: str) -> None:
    try:
        checked_address(url, FOUND)
    except BadRequest:
        return
    rest = url.partition("://")[2]
    assert url in (*FOUND, "loop://") or (rest.rpartition(":")[2].isdigit() and not set(rest) & set("/?#@ \\"))
