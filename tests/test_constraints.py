"""Constraints: the automaton against Python's re, and constrained search against brute force."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
import warnings
from typing import Any, get_args

import numpy as np
import pytest
from captcha_ocr.alignment import required_steps
from captcha_ocr.charset import Charset, CharsetError
from captcha_ocr.constraints import MAX_EDGES, MAX_TEXT_LENGTH, Constraint, ConstraintError
from captcha_ocr.constraints.languages import Kind
from captcha_ocr.constraints.pattern_syntax import PatternError
from captcha_ocr.constraints.search import NoAllowedTextError
from captcha_ocr.constraints.viterbi import best_allowed
from captcha_ocr.decoding import log_softmax, prefix_beam
from hypothesis import given, settings
from hypothesis import strategies as st
from test_decoding import CHARSET, all_texts, pictures

SYMBOLS = Charset(tuple("0129abz_?*-]\\中²"))
EXAMPLES = settings(max_examples=40, deadline=None)


# --- patterns against re.fullmatch


def _class_item() -> st.SearchStrategy[str]:
    single = st.sampled_from([r"\d", r"\w", r"\-", r"\]", r"\\", "a", "0", "?", "中", "~"])
    return st.one_of(single, st.sampled_from(["0-9", "a-z", "0-a", "*-9"]))


ATOMS = st.one_of(
    st.sampled_from([*"0129abz_中~", ".", r"\d", r"\w", r"\?", r"\*", r"\]", r"\\", "-"]),
    st.builds(
        lambda sign, items, end: f"[{sign}{''.join(items)}{end}]",
        st.sampled_from(["", "^"]),
        st.lists(_class_item(), min_size=1, max_size=3),
        st.sampled_from(["", "-"]),
    ),
)
REPEATS = st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{0,2}", "{1,3}", "{0}"])
PATTERNS = st.recursive(
    st.builds("{}{}".format, ATOMS, REPEATS),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("({}|{}){}".format, inner, inner, REPEATS),
        st.builds("({}|){}".format, inner, REPEATS),
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(PATTERNS, st.lists(st.text(alphabet=list(SYMBOLS.symbols), max_size=5), max_size=12))
def test_a_pattern_accepts_what_re_fullmatch_accepts(pattern: str, texts: list[str]) -> None:
    with warnings.catch_warnings():  # re announces set operations for "[~~]"; it has none yet
        warnings.simplefilter("ignore", FutureWarning)
        oracle = re.compile(pattern)
    try:
        constraint = Constraint.build(SYMBOLS, pattern=pattern)
    except ConstraintError:  # it says that nothing matches: then nothing may
        assert not any(oracle.fullmatch(text) for text in texts)
        return
    for text in ["", *SYMBOLS.symbols, *texts]:
        assert constraint.accepts(text) == bool(oracle.fullmatch(text)), text
    # Its own shortest text shows that rich patterns are tried on texts that do match, too.
    shortest = best_allowed(np.zeros((constraint.min_steps + 1, SYMBOLS.num_classes)), constraint)
    assert oracle.fullmatch(SYMBOLS.decode(shortest))


@pytest.mark.parametrize(
    ("pattern", "position", "problem"),
    [
        ("a(b", 1, "not closed"),
        ("ab)", 2, "closes nothing"),
        ("[ab", 0, "not closed"),
        ("a[]", 1, "empty class"),
        ("[z-a]", 1, "no range"),
        (r"[a-\d]", 1, "no range"),
        ("*a", 0, "nothing to repeat"),
        ("a**", 2, "two repeats"),
        ("a+?", 2, "two repeats"),
        ("a{2", 1, "a repeat is"),
        ("a{x}", 1, "a repeat is"),
        ("a{2,}", 1, "a repeat is"),
        ("a{²}", 1, "a repeat is"),
        ("a{3,2}", 1, "out of range"),
        ("a{65}", 1, "out of range"),
        (r"a\q", 1, "unknown escape"),
        ("a\\", 1, "unknown escape"),
        ("^a", 0, "whole text"),
        ("a$", 1, "whole text"),
        ("a]", 1, "closes nothing"),
        ("(?:a)", 1, "no meaning"),
        ("(" * 21 + ")" * 21, 20, "inside each other"),
    ],
)
def test_a_malformed_pattern_names_its_position(pattern: str, position: int, problem: str) -> None:
    with pytest.raises(PatternError, match=rf"position {position}: .*{problem}"):
        Constraint.build(CHARSET, pattern=pattern)


@pytest.mark.parametrize(
    "pattern",
    ["a" * 257, "(a{64}){64}", "(a|b)*a" + "." * 20, "(" * 20 + "){64}" * 20],
)
def test_a_pattern_that_blows_up_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Constraint.build(CHARSET, pattern=pattern)


WRONG: list[tuple[Kind, int | None, dict[str, Any]]] = [
    ("unclosed", 1, {"pattern": "a(b"}),
    ("unclosed", 0, {"pattern": "[ab"}),
    ("unopened", 2, {"pattern": "ab)"}),
    ("unopened", 1, {"pattern": "a]"}),
    ("misplaced_repeat", 0, {"pattern": "*a"}),
    ("misplaced_repeat", 2, {"pattern": "a+?"}),
    ("bad_repeat", 1, {"pattern": "a{x}"}),
    ("bad_repeat", 1, {"pattern": "a{3,2}"}),
    ("unknown_escape", 1, {"pattern": r"a\q"}),
    ("empty_class", 1, {"pattern": "a[]"}),
    ("bad_range", 2, {"pattern": "[az-b]"}),
    ("meaningless", 1, {"pattern": "a$"}),
    ("meaningless", 1, {"pattern": "(?:a)"}),
    ("too_large", 20, {"pattern": "(" * 21 + ")" * 21}),
    ("too_large", None, {"pattern": "a" * 257}),
    ("too_large", None, {"pattern": "(a{64}){64}"}),
    ("too_many_states", None, {"pattern": "(a|b)*a" + "." * 20}),
    ("unknown_character", 1, {"pattern": r"a~b~"}),
    ("unknown_character", 2, {"pattern": r"a\~"}),
    ("unknown_alphabet", None, {"alphabet": "xyz"}),
    ("no_text", None, {"pattern": "a{2}", "length": 3}),
    ("no_text", None, {"lexicon": []}),
    ("bad_condition", None, {"length": (3, 2)}),
    ("bad_condition", None, {"lexicon": "abc"}),
    ("bad_condition", None, {"lexicon": ["a" * (MAX_TEXT_LENGTH + 1)]}),
]


@pytest.mark.parametrize(("kind", "position", "conditions"), WRONG)
def test_a_program_is_told_the_kind_and_the_position(
    kind: Kind, position: int | None, conditions: dict[str, Any]
) -> None:
    with pytest.raises(ConstraintError) as caught:
        Constraint.build(CHARSET, **conditions)
    assert (caught.value.kind, caught.value.position) == (kind, position)


def test_every_kind_is_tried() -> None:
    assert {kind for kind, _, _ in WRONG} == set(get_args(Kind))


def test_a_position_counts_an_accent_with_its_letter() -> None:
    with pytest.raises(PatternError) as caught:
        Constraint.build(CHARSET, pattern="e\u0301(")
    assert caught.value.position == 1


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("a" * 256, "a" * 256), ("a{64}", "a" * 64), ("(" * 20 + "a" + ")" * 20, "a")],
)
def test_a_pattern_at_its_limits_is_compiled(pattern: str, text: str) -> None:
    constraint = Constraint.build(CHARSET, pattern=pattern)
    assert constraint.accepts(text)
    assert not constraint.accepts(text + "a")


def test_catastrophic_backtracking_has_nothing_to_hold_on_to() -> None:
    constraint = Constraint.build(CHARSET, pattern="((a*)*)*b")
    assert constraint.accepts("a" * 5000 + "b")
    assert not constraint.accepts("a" * 5000)


@given(st.text(alphabet="ab[](){}|?*+\\-,2d^.$", max_size=12))
@settings(max_examples=100, deadline=None)
def test_any_string_is_a_pattern_or_an_error_of_ours(pattern: str) -> None:
    with contextlib.suppress(PatternError, ConstraintError):
        Constraint.build(CHARSET, pattern=pattern)


# --- the other conditions, and all together


def texts_up_to(length: int) -> list[str]:
    symbols = CHARSET.symbols
    return ["".join(t) for n in range(length + 1) for t in itertools.product(symbols, repeat=n)]


CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "length": st.sampled_from([1, 2, 3, (0, 2), (1, 3), (2, 5)]),
        "alphabet": st.sampled_from(["ab", "c", "bcz", "abc"]),
        "lexicon": st.lists(st.text(alphabet="abc", max_size=4), min_size=1, max_size=6),
        "pattern": st.sampled_from(["a.*", "[ab]+c?", "(ab|c){1,2}", "(aa|bb|cc)*", ".?b.?"]),
    },
)


def allowed_texts(conditions: dict, length: int) -> set[str]:
    """What the conditions say, one after the other, over all texts up to a length."""
    span = conditions.get("length", (0, length))
    fewest, most = (span, span) if isinstance(span, int) else span
    lexicon = conditions.get("lexicon")
    return {
        text
        for text in texts_up_to(length)
        if fewest <= len(text) <= most
        and set(text) <= set(conditions.get("alphabet", "abc"))
        and (lexicon is None or text in lexicon)
        and re.fullmatch(conditions.get("pattern", ".*"), text)
    }


@EXAMPLES
@given(CONDITIONS)
def test_build_intersects_its_conditions(conditions: dict) -> None:
    expected = allowed_texts(conditions, 5)
    try:
        constraint = Constraint.build(CHARSET, **conditions)
    except ConstraintError:
        assert not expected
        return
    assert {text for text in texts_up_to(5) if constraint.accepts(text)} == expected
    steps = min(required_steps(CHARSET.encode(text)) for text in expected)
    assert constraint.min_steps == steps


@EXAMPLES
@given(CONDITIONS)
def test_the_steps_still_needed_are_exact(conditions: dict) -> None:
    """From each state and edge, by breadth-first search over texts and their doubled letters."""
    try:
        constraint = Constraint.build(CHARSET, **conditions)
    except ConstraintError:
        return

    def slow(state: int, last: int, budget: int = 9) -> float:
        if constraint.accepting[state]:
            return 0
        out = range(constraint.first[state], constraint.first[state + 1])
        if budget == 0:
            return math.inf
        return min(
            1
            + (constraint.symbol[e] == last)
            + slow(int(constraint.target[e]), int(constraint.symbol[e]), budget - 1)
            for e in out
        )

    for state, steps in enumerate(constraint.steps_from_state):
        assert steps == slow(state, last=0)
    for target, symbol, steps in zip(
        constraint.target, constraint.symbol, constraint.steps_after_edge
    ):
        assert steps == slow(int(target), last=int(symbol))


def test_a_length_may_be_of_numpy() -> None:
    assert Constraint.build(CHARSET, length=np.int64(2)).accepts("ab")  # type: ignore[arg-type]


def test_bad_conditions_are_named() -> None:
    odd: tuple[Any, ...] = ("4", (4, None), {4, 5}, (1, 2, 3), 2.5)
    for length in (-1, (3, 2), (0, MAX_TEXT_LENGTH + 1), *odd):
        with pytest.raises(ConstraintError, match="length is"):
            Constraint.build(CHARSET, length=length)
    with pytest.raises(ConstraintError, match="alphabet 'xyz'"):
        Constraint.build(CHARSET, alphabet="xyz")
    with pytest.raises(CharsetError, match=r"'abx' holds \['x'\]"):
        Constraint.build(CHARSET, lexicon=["ab", "abx"])
    with pytest.raises(ConstraintError, match="has 257 characters"):
        Constraint.build(CHARSET, lexicon=["a" * (MAX_TEXT_LENGTH + 1)])
    with pytest.raises(ConstraintError, match="one string"):
        Constraint.build(CHARSET, lexicon="abc")
    with pytest.raises(ConstraintError, match="no text meets"):
        Constraint.build(CHARSET, lexicon=[])
    with pytest.raises(ConstraintError, match=r"lacks \['~'\]"):
        Constraint.build(CHARSET, pattern="a~")
    with pytest.raises(ConstraintError, match="no text meets"):
        Constraint.build(CHARSET, length=3, pattern="a{2}")


def test_characters_the_charset_lacks_are_fine_where_others_remain() -> None:
    assert Constraint.build(CHARSET, pattern="[a~]|~b").accepts("a")
    assert Constraint.build(CHARSET, alphabet="abcdefg").accepts("cab")


def test_conditions_are_nfc_as_labels_are() -> None:
    charset = Charset(("a", "é"))
    accent = "e\u0301"
    for conditions in ({"lexicon": [accent]}, {"alphabet": accent}, {"pattern": f"[{accent}]"}):
        constraint = Constraint.build(charset, **conditions)
        assert constraint.accepts("é")
        assert not constraint.accepts("a")


def test_a_constraint_that_is_too_large_is_refused() -> None:
    charset = Charset(tuple(map(chr, range(0x4E00, 0x4E00 + MAX_EDGES // 200))))
    with pytest.raises(ConstraintError, match="transitions") as caught:
        Constraint.build(charset, length=201)
    assert caught.value.kind == "too_many_states"


def test_a_small_alphabet_does_not_hide_a_large_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    """An automaton of the pattern holds the classes that the alphabet leaves out, too."""
    monkeypatch.setattr("captcha_ocr.constraints.patterns.MAX_ARCS", 500)
    with pytest.raises(PatternError, match="500 transitions"):
        Constraint.build(SYMBOLS, alphabet="ab", pattern="(a|b)*a.{6}")


def test_arithmetic_pattern() -> None:
    charset = Charset(tuple("0123456789+-*/=?ab"))
    constraint = Constraint.build(charset, pattern=r"[0-9][+\-*/][0-9]=\?")
    assert constraint.accepts("7*3=?")
    assert not any(map(constraint.accepts, ["7*3=", "7*3=?a", "a*3=?", ""]))
    assert constraint.min_steps == 5


# --- constrained search


@EXAMPLES
@given(pictures(), CONDITIONS)
def test_a_wide_beam_finds_the_most_probable_allowed_texts(
    log_probs: np.ndarray, conditions: dict
) -> None:
    allowed = allowed_texts(conditions, len(log_probs))
    total, best = all_texts(log_probs)
    fitting = {
        text: total[key] for text in allowed if (key := tuple(CHARSET.encode(text))) in total
    }
    try:
        constraint = Constraint.build(CHARSET, **conditions)
        readings = prefix_beam(log_probs, CHARSET, beam_width=500, top_k=500, constraint=constraint)
    except (ConstraintError, NoAllowedTextError):
        assert not fitting
        return
    assert {r.text: pytest.approx(r.confidence, rel=1e-5) for r in readings} == fitting
    assert readings[0].confidence == pytest.approx(max(fitting.values()), rel=1e-5)
    # The Viterbi fallback alone: the best allowed path.
    labels = best_allowed(log_probs, constraint)
    assert CHARSET.decode(labels) in fitting
    expected = max(best[tuple(CHARSET.encode(text))] for text in fitting)
    assert best[tuple(labels)] == pytest.approx(expected)


@EXAMPLES
@given(pictures(most_steps=9), CONDITIONS, st.integers(1, 3))
def test_a_narrow_beam_still_returns_an_allowed_text(
    log_probs: np.ndarray, conditions: dict, width: int
) -> None:
    try:
        constraint = Constraint.build(CHARSET, **conditions)
        readings = prefix_beam(log_probs, CHARSET, beam_width=width, constraint=constraint)
    except ConstraintError:
        return
    except NoAllowedTextError:
        assert constraint.min_steps > len(log_probs)
        return
    assert constraint.accepts(readings[0].text)


def test_an_allowed_text_comes_back_even_when_the_picture_says_impossible() -> None:
    log_probs = np.full((4, 4), -np.inf)
    log_probs[:, 1] = 0.0  # certainly "a"
    (reading,) = prefix_beam(
        log_probs, CHARSET, constraint=Constraint.build(CHARSET, lexicon=["bb"])
    )
    assert (reading.text, reading.confidence) == ("bb", 0.0)


def test_doubled_letters_count_their_blank() -> None:
    constraint = Constraint.build(CHARSET, lexicon=["aab", "abb"])
    assert constraint.min_steps == 4
    flat = log_softmax(np.zeros((3, 4)))
    with pytest.raises(NoAllowedTextError, match="needs 4 time steps and the picture gives 3"):
        prefix_beam(flat, CHARSET, constraint=constraint)
    assert len(prefix_beam(log_softmax(np.zeros((4, 4))), CHARSET, constraint=constraint)) == 1


def test_the_best_allowed_path_pays_for_the_blank_inside_a_double() -> None:
    column = np.log([1e-9, 0.9, 0.05, 0.05 - 1e-9])  # "aa" is a, blank, a: hardly possible
    constraint = Constraint.build(CHARSET, lexicon=["aa", "bc"])
    assert CHARSET.decode(best_allowed(np.tile(column, (3, 1)), constraint)) == "bc"


def test_only_the_empty_text() -> None:
    constraint = Constraint.build(CHARSET, length=0)
    (reading,) = prefix_beam(log_softmax(np.zeros((3, 4))), CHARSET, constraint=constraint)
    assert reading.text == ""
    assert reading.confidence == pytest.approx(1 / 64)
    certain = log_softmax(np.array([[0.0, 9.0, 0.0, 0.0]] * 3))  # of "a"
    (reading,) = prefix_beam(certain, CHARSET, constraint=constraint)
    assert (reading.text, reading.characters) == ("", ())


def test_a_constraint_for_another_charset_is_refused() -> None:
    constraint = Constraint.build(Charset(("x", "y", "z")), length=2)
    with pytest.raises(ValueError, match="another charset"):
        prefix_beam(log_softmax(np.zeros((3, 4))), CHARSET, constraint=constraint)


def test_two_ways_into_a_double_are_no_way_around_its_blank() -> None:
    """Before ``bb`` may stand an a: both edges to its first b carry a b, and neither does."""
    charset = Charset(("a", "b"))
    columns = [[0.1, 0.4, 0.5], [0.05, 0.05, 0.9], [0.05, 0.05, 0.9]]  # blank, a, b
    constraint = Constraint.build(charset, pattern="a*bb")
    # abb takes four columns.
    assert charset.decode(best_allowed(np.log(columns), constraint)) == "bb"
