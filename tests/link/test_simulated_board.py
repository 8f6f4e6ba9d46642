"""The built-in simulated board is a process: when it dies, it is started again behind the same port."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
import serial

from services.errors import PowermonError
from services.link.simulated_board import SimulatedBoard


@pytest.fixture
def board() -> Iterator[SimulatedBoard]:
    board = SimulatedBoard("normal", ("--interval-ms", "5"))
    yield board
    board.stop()


def a_line(url: str) -> bytes:
    with serial.serial_for_url(url, timeout=10) as port:
        return bytes(port.readline())


def test_a_board_that_died_is_started_again_under_the_same_url(board: SimulatedBoard) -> None:
    url = board.url
    assert a_line(url)
    board._process.send_signal(signal.SIGKILL)
    board._process.wait(10)
    assert not board.alive
    board.ensure()
    assert (board.alive, board.url) == (True, url)
    assert a_line(url)
    board.fault("drop", 0.0)  # its control channel is the new one


def test_one_that_lives_or_was_stopped_is_left_alone(board: SimulatedBoard) -> None:
    process = board._process
    board.ensure()
    assert board._process is process
    board.stop()
    board.ensure()
    assert not board.alive


def test_arguments_that_it_refuses_are_told() -> None:
    with pytest.raises(PowermonError, match="did not start"):
        SimulatedBoard("normal", ("--interval-ms", "never"))
