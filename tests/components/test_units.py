"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.look.units import data_size, hours, number


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1.005, 2, "1.00"),
        (-2.5, 1, "−2.5"),
        (-0.0001, 2, "0.00"),
        (12345.6, 0, "12\u202f346"),
        (None, 1, "–"),
        (float("nan"), 1, "–"),
    ],
)
def test_numbers_have_fixed_digits_and_a_real_minus_sign(value: float | None, digits: int, text: str) -> None:
    assert number(value, digits) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.00 kB"),
        (999_600, "1.00 MB"),
        (1_150_000_000, "1.15 GB"),
        (2.9e9, "2.90 GB"),
        (45.6e12, "45.6 TB"),
        (None, "–"),
    ],
)
def test_sizes_have_three_significant_digits(size: float | None, text: str) -> None:
    assert data_size(size) == text


@pytest.mark.parametrize(("value", "text"), [(48, "48"), (0.5, "0.5"), (1.25, "1.25")])
def test_hours_show_no_needless_zeros(value: float, text: str) -> None:
    assert hours(value) == text


@settings(max_examples=50)
@given(st.floats(-1e9, 1e9), st.integers(0, 4))
def test_a_number_reads_back_within_half_a_digit(value: float, digits: int) -> None:
    text = number(value, digits).replace("−", "-").replace("\u202f", "")
    assert abs(float(text) - value) <= 0.51 * 10**-digits
