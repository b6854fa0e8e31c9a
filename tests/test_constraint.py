"""Constraints allow what they say: patterns as Python's `re` does, checksums as they are published."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge_digits.errors import UsageError
from edge_digits.text.checksums import CHECKSUMS
from edge_digits.text.constraint import Constraint

LABELS = tuple("0123456789")

digits = st.text("0123456789", max_size=8)
few_digits = st.text("01", max_size=8)

atoms = st.one_of(
    st.sampled_from(["0", "1", "7", r"\d", ".", "[0-9]", "[13579]", "[^0]", "[^1-9]", "[01-35]", r"[\d7]"]),
    st.sampled_from(["0", "1"]),
)
repeats = st.sampled_from(["?", "*", "+", "{0}", "{2}", "{1,3}", "{0,2}", "{2,}", "{0,}", "{,2}"])


def longer(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = inner.map(lambda pattern: f"({pattern})")
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join),
        st.tuples(st.one_of(atoms, group), repeats).map("".join),
        group,
        inner.map(lambda pattern: f"(?:{pattern}|)"),
    )


patterns = st.recursive(atoms, longer, max_leaves=8)


@given(patterns, st.lists(st.one_of(digits, few_digits), min_size=20, max_size=20))
def test_a_pattern_matches_what_pythons_re_matches(pattern: str, texts: list[str]) -> None:
    try:
        constraint = Constraint(pattern=pattern)
    except UsageError as error:
        assume("more than 500 digits" not in str(error))
        raise
    meant = re.compile(pattern)
    assert {text: constraint.matches(text) for text in texts} == {
        text: meant.fullmatch(text) is not None for text in texts
    }


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        (r"\d{4}", ["0000", "1984"], ["", "198", "19845"]),
        ("(19|20)[0-9]{2}", ["1984", "2026"], ["1884", "19"]),
        (r"[^0]\d*", ["1", "10"], ["", "0", "01"]),
        ("(12?)*", ["", "1", "12", "1121"], ["2", "122"]),
        (r"\d{2,}", ["12", "123456789"], ["1"]),
        (r"\d{,2}", ["", "1", "12"], ["123"]),
        ("(|0)1", ["1", "01"], ["", "001"]),
        ("((0?){2}){2}", ["", "0000"], ["00000"]),
        (r"\d{0}5", ["5"], ["55", ""]),
        ("(1{2,3}){2,3}", ["1111", "1" * 9], ["111", "1" * 10]),
    ],
)
def test_patterns(pattern: str, matching: list[str], other: list[str]) -> None:
    constraint = Constraint(pattern=pattern)
    assert [text for text in matching + other if constraint.matches(text)] == matching


@pytest.mark.parametrize(
    ("pattern", "at", "why"),
    [
        ("12a", 3, "'a' is no digit"),
        ("1 2", 2, "leave the blank out"),
        ("^12", 1, "leave ^ out"),
        ("12$", 3, "leave $ out"),
        (r"1\w", 2, "only d is known"),
        ("1\\", 2, "only d is known"),
        ("(12", 1, "never closed"),
        ("12)", 3, "closes no group"),
        ("1[23", 2, "never closed"),
        ("[2-", 2, "no range"),
        ("[9-0]", 2, "no range"),
        ("[-1]", 2, "'-' is no digit"),
        ("1[]", 2, "matches no digit"),
        ("[^0-9]", 1, "matches no digit"),
        ("[^", 1, "never closed"),
        ("*1", 1, "nothing before *"),
        ("1|+", 3, "nothing before +"),
        ("({2})", 2, "nothing before {"),
        ("1{", 2, "begins no repetition"),
        ("1{}", 2, "begins no repetition"),
        ("1{,}", 2, "begins no repetition"),
        ("1{2,1}", 2, "swap them"),
        ("1*?", 3, "repeated already"),
        ("1{2}{3}", 5, "repeated already"),
        ("1(?=2)", 2, "plain groups"),
        (r"\d{1,100000}", 3, "more than 500"),
        (r"(\d{1,100}){100}", 12, "more than 500"),
        (r"1\d{99999999999999999999}", 4, "too often"),
        ("(" * 60 + "1" + ")" * 60, 51, "nested"),
        ("٣", 1, "is no digit"),
        ("1}", 2, "is no digit"),
    ],
)
def test_a_mistake_in_a_pattern_is_pointed_at(pattern: str, at: int, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        Constraint(pattern=pattern)
    message, shown, pointer = str(caught.value).split("\n")
    assert message.startswith("--pattern ")
    assert why in message
    assert message.endswith(f"at character {at}.")
    assert shown.strip() == pattern.strip()
    assert pointer.index("^") - shown.index(pattern[0]) == at - 1


def test_a_pattern_that_a_terminal_cannot_show_is_spelled_out() -> None:
    with pytest.raises(UsageError, match=r"'1\\x1b'.*at character 2") as caught:
        Constraint(pattern="1\x1b")
    assert "\x1b" not in str(caught.value)


@given(st.text(r"01\d.[]^-()|?*+{},2", max_size=12))
def test_no_pattern_ends_in_another_error(pattern: str) -> None:
    try:
        constraint = Constraint(pattern=pattern)
    except UsageError:
        return
    assert constraint.matches("0120") == (re.compile(pattern).fullmatch("0120") is not None)


def test_a_pattern_whose_automaton_explodes_is_refused() -> None:
    with pytest.raises(UsageError, match="too large"):
        Constraint(pattern=r"\d*1\d{40}")


@pytest.mark.parametrize("number", [0, -3])
def test_a_number_of_digits_is_positive(number: int) -> None:
    with pytest.raises(UsageError, match=f"--digits {number}"):
        Constraint(digits=number)


def test_too_many_digits_are_refused() -> None:
    assert Constraint(digits=1000).matches("7" * 1000)
    with pytest.raises(UsageError, match=r"--digits 1000000.* too large"):
        Constraint(digits=1_000_000)


@given(digits, st.integers(1, 8))
def test_a_number_of_digits_counts_them(text: str, number: int) -> None:
    assert Constraint(digits=number).matches(text) == (len(text) == number)


def test_blanks_and_newlines_do_not_count_and_other_characters_never_match() -> None:
    constraint = Constraint(digits=4, pattern=r"12\d*")
    assert constraint.matches("12 3\n4")
    assert not constraint.matches("12-34")
    assert not constraint.matches("12٣4")


# Independent ways to the checksums, from their descriptions.


def luhn(text: str) -> bool:
    doubled = [str(int(digit) * (1 + place % 2)) for place, digit in enumerate(reversed(text))]
    return len(text) >= 2 and sum(int(digit) for digit in "".join(doubled)) % 10 == 0


def ean(text: str) -> bool:
    body = text[:-1].rjust(17, "0")
    weighted = 3 * sum(int(digit) for digit in body[::2]) + sum(int(digit) for digit in body[1::2])
    return len(text) in (8, 12, 13, 14) and text[-1:] == str(-weighted % 10)


def verhoeff(text: str) -> bool:
    """By permutations of a pentagon's corners."""
    turn = (1, 2, 3, 4, 0)
    mirror = (0, 4, 3, 2, 1)

    def then(p: tuple[int, ...], q: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(q[p[corner]] for corner in range(5))

    elements: list[tuple[int, ...]] = [(0, 1, 2, 3, 4)]
    for _ in range(4):
        elements.append(then(elements[-1], turn))
    # d(x, y) of the published table: 5 is the mirror, 1 * 5 = 6, 5 * 1 = 9.
    elements += [then(elements[place], mirror) for place in range(5)]
    state = elements[0]
    for place, character in enumerate(reversed(text)):
        digit = int(character)
        for _ in range(place % 8):
            digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
        state = then(state, elements[digit])
    return len(text) >= 2 and state == elements[0]


def damm(text: str) -> bool:
    """The check digits that the published table gives for each interim digit, row by row, as columns."""
    columns = [
        (0, 7, 4, 1, 6, 3, 5, 8, 9, 2),
        (3, 0, 2, 7, 1, 6, 8, 9, 4, 5),
        (1, 9, 0, 5, 2, 7, 6, 4, 3, 8),
        (7, 2, 6, 0, 3, 4, 9, 5, 8, 1),
        (5, 1, 8, 9, 0, 2, 7, 3, 6, 4),
        (9, 5, 7, 8, 4, 0, 2, 6, 1, 3),
        (8, 4, 1, 3, 5, 9, 0, 2, 7, 6),
        (6, 8, 3, 4, 9, 5, 1, 0, 2, 7),
        (4, 6, 5, 2, 7, 8, 3, 1, 0, 9),
        (2, 3, 9, 6, 8, 1, 4, 7, 5, 0),
    ]
    state = 0
    for digit in text:
        state = columns[int(digit)][state]
    return len(text) >= 2 and state == 0


def mod97(text: str) -> bool:
    return len(text) >= 3 and int(text) % 97 == 1


def mod11_10(text: str) -> bool:
    carried = 10
    for digit in text[:-1]:
        carried = ((carried + int(digit)) % 10 or 10) * 2 % 11
    return len(text) >= 2 and (11 - carried) % 10 == int(text[-1])


def aba(text: str) -> bool:
    return len(text) == 9 and sum(int(d) * w for d, w in zip(text, (3, 7, 1) * 3, strict=True)) % 10 == 0


PLAIN: dict[str, Callable[[str], bool]] = {
    "luhn": luhn,
    "ean": ean,
    "verhoeff": verhoeff,
    "damm": damm,
    "mod97": mod97,
    "mod11-10": mod11_10,
    "aba": aba,
}

PUBLISHED = {
    "luhn": ["79927398713", "4111 1111 1111 1111", "490154203237518", "046 454 286"],
    "ean": ["4006381333931", "73513537", "96385074", "036000291452", "9780306406157", "10614141000415"],
    "verhoeff": ["2363", "758722", "123451", "1428570", "84736430954837284567892"],
    "damm": ["5724", "112946"],
    "mod97": ["794 44", "3214282912345698765432161182"],
    "mod11-10": ["0794 5", "86095742719", "47036892816", "65929970489", "33392005961"],
    "aba": ["111000025", "021000021", "011401533"],
}


@pytest.mark.parametrize("name", CHECKSUMS)
@pytest.mark.parametrize("length", range(16))
def test_a_checksum_is_what_its_description_says(name: str, length: int) -> None:
    """Random texts, and every last digit of each: one of ten passes, or about one of 97."""
    chance = random.Random(length)
    constraint = Constraint(checksum=name)
    for _ in range(20):
        body = "".join(chance.choices(LABELS, k=max(length - 1, 0)))
        for text in [body + last for last in LABELS] if length else [""]:
            assert constraint.matches(text) == PLAIN[name](text), text


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in PUBLISHED.items() for text in texts])
def test_published_numbers_pass_and_any_single_mistake_is_found(name: str, text: str) -> None:
    constraint = Constraint(checksum=name)
    assert constraint.matches(text)
    assert PLAIN[name](text.replace(" ", ""))
    for place, digit in enumerate(text):
        for other in set(LABELS) - {digit} if digit != " " else ():
            assert not constraint.matches(text[:place] + other + text[place + 1 :])


def test_an_isbn_is_an_ean_with_a_prefix() -> None:
    isbn = Constraint(pattern=r"97[89]\d{10}", checksum="ean")
    assert isbn.matches("9780306406157")
    assert not isbn.matches("4006381333931")


@pytest.mark.parametrize("name", CHECKSUMS)
def test_constraints_hold_together(name: str) -> None:
    pattern, checksum = Constraint(pattern=r"[^0]\d{7,8}"), Constraint(checksum=name)
    whole = Constraint(pattern=r"[^0]\d{7,8}", checksum=name)
    chance = random.Random(name)
    bodies = ["".join(chance.choices(LABELS, k=chance.randint(6, 9))) for _ in range(100)]
    texts = [body + last for body in bodies for last in LABELS]
    allowed = [text for text in texts if whole.matches(text)]
    assert allowed == [text for text in texts if pattern.matches(text) and checksum.matches(text)]
    assert allowed or name == "mod97"


@pytest.mark.parametrize("name", CHECKSUMS)
@pytest.mark.parametrize("pattern", [None, r"(1|12|[3-9]2?)*\d\d", r"\d{8,9}"])
def test_each_text_is_accepted_from_one_start_only_and_each_state_leads_to_one(name: str, pattern: str | None) -> None:
    """Or paths would count twice in a confidence, and the search would follow what cannot be."""
    automaton = Constraint(pattern=pattern, checksum=name).automaton(LABELS)
    # Of two runs over the same text from different starts, no pair of states may accept together.
    first, second = (place.ravel() for place in np.nonzero(np.outer(automaton.starts, automaton.starts)))
    pairs = {(int(a), int(b)) for a, b in zip(first, second, strict=True) if a < b}
    waiting = list(pairs)
    while waiting:
        one, other = waiting.pop()
        assert not (automaton.accepting[one] and automaton.accepting[other])
        both = zip(automaton.next[one].tolist(), automaton.next[other].tolist(), strict=True)
        new = {(a, b) for a, b in both if a >= 0 and b >= 0} - pairs
        pairs |= new
        waiting += new
    alive = automaton.accepting.copy()
    for _ in alive:
        alive |= (alive[automaton.next] & (automaton.next >= 0)).any(axis=1)
    assert alive.all()


def test_what_no_number_satisfies_is_refused() -> None:
    with pytest.raises(UsageError, match="--digits 9 --checksum ean together"):
        Constraint(digits=9, checksum="ean")
    with pytest.raises(UsageError, match="no number satisfies"):
        Constraint(digits=3, pattern=r"\d{4}")


def test_an_unknown_checksum_names_those_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"--checksum crc32: .*luhn, ean, .*aba"):
        Constraint(checksum="crc32")


@pytest.mark.parametrize("pattern", ["", None])
def test_an_empty_pattern_is_a_mistake_and_no_constraint_allows_all(pattern: str | None) -> None:
    if pattern is None:
        assert Constraint().matches("123")
        assert Constraint().matches("")
    else:
        with pytest.raises(UsageError, match="--pattern: is empty"):
            Constraint(pattern=pattern)


def test_it_is_described_by_its_options() -> None:
    constraint = Constraint(digits=4, pattern=r"\d(1|2)*", checksum="luhn")
    assert constraint.describe() == r"--digits 4 --pattern '\d(1|2)*' --checksum luhn"


@pytest.mark.parametrize("labels", [["a", "b"], LABELS[:9], [*LABELS, "x"], ["0"] * 10])
def test_a_model_of_other_labels_is_refused(labels: list[str]) -> None:
    with pytest.raises(UsageError, match="--digits 4 needs a model of the ten digits"):
        Constraint(digits=4).automaton(labels)


def test_constraints_are_equal_where_they_ask_for_the_same() -> None:
    assert Constraint(digits=4) == Constraint(digits=4)
    assert len({Constraint(digits=4), Constraint(digits=4), Constraint(digits=5)}) == 2
