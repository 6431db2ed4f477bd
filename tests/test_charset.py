"""Characters and their class numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from captcha_ocr.charset import Charset, CharsetError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CHARSET = Charset(tuple("0123456789+-*/=?ab中文"))
SYMBOLS = st.text(
    st.characters(exclude_categories=("C", "Z"), codec="utf-8"), min_size=1, max_size=60
)


def test_blank_is_class_zero_and_no_symbol_has_it() -> None:
    assert Charset.BLANK == 0
    assert CHARSET.num_classes == 21
    assert CHARSET.encode("0文") == [1, 20]


@given(st.text(st.sampled_from(CHARSET.symbols)))
def test_decode_reverses_encode(text: str) -> None:
    assert CHARSET.decode(CHARSET.encode(text)) == text


def test_unknown_characters_are_named_never_dropped() -> None:
    with pytest.raises(CharsetError, match=r"'7×3＝Z' holds \['Z', '×', '＝'\]"):
        CHARSET.encode("7×3＝Z")
    assert CHARSET.unknown("7×3") == ["×"]
    assert "×" not in CHARSET
    assert "7" in CHARSET


@pytest.mark.parametrize("index", [0, -1, 21])
def test_decode_refuses_the_blank_and_what_is_no_class(index: int) -> None:
    with pytest.raises(CharsetError, match="1 to 20"):
        CHARSET.decode([1, index])


def test_from_texts_sorts_and_keeps_each_character_once() -> None:
    assert Charset.from_texts(["ba", "b1", "中"]).symbols == ("1", "a", "b", "中")


@pytest.mark.parametrize(
    "symbols",
    [
        *((), ("a", "a"), ("ab",), ("",), ("a", "\n"), ("\t",), ("\u200b",), ("\ud800",)),
        *(("\ue000",), ("\u0378",), ("\u2028",), ("\u2029",)),
    ],
)
def test_symbols_that_cannot_be(symbols: tuple[str, ...]) -> None:
    with pytest.raises(CharsetError):
        Charset(symbols)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SYMBOLS)
def test_file_keeps_the_order(tmp_path: Path, text: str) -> None:
    charset = Charset(tuple(dict.fromkeys(text)))
    path = tmp_path / "charset.txt"
    charset.write(path)
    assert Charset.read(path) == charset
    assert path.read_bytes().count(b"\n") == len(charset.symbols)
    assert b"\r" not in path.read_bytes()


def test_file_of_another_editor(tmp_path: Path) -> None:
    path = tmp_path / "charset.txt"
    path.write_bytes("\ufeffa\r\nb\r\n".encode())
    assert Charset.read(path).symbols == ("a", "b")


@pytest.mark.parametrize("data", [b"", b"a\n\nb\n", b"a\nb\n\n", b"ab\n", b"\xa4\xa4\n"])
def test_file_that_is_no_charset_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "charset.txt"
    path.write_bytes(data)
    with pytest.raises(CharsetError) as caught:
        Charset.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith("one symbol a line, in UTF-8")


def test_extended_keeps_the_old_numbers() -> None:
    wider = CHARSET.extended(Charset(tuple("zb国")))
    assert wider.symbols == (*CHARSET.symbols, "z", "国")
    assert wider.encode("0文") == CHARSET.encode("0文")
    assert CHARSET.extended(CHARSET) == CHARSET
