import math
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from phosphene.errors import SettingsError
from phosphene.objectives.language import DEEPEST, LONGEST_TEXT, WINDOW, Call, point, read, write

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(10**300), 10**300)
TEXTS = st.one_of(st.text(), st.text("ab'\"\\ :./-37e+\n"))
VALUES = st.one_of(TEXTS, INTEGERS, FLOATS, st.lists(st.one_of(FLOATS, INTEGERS.map(float))).map(tuple))
PIECES = ("layer(", "block8", "a:7", *"()+-*/[],='; ", "0.5", "0", "1e308")
OPTIONS = st.lists(st.tuples(NAMES, VALUES), unique_by=lambda option: option[0]).map(tuple)


def terms(text):
    """What `read` gives, with the calls written out."""
    return [(weight, write(call.name, call.arguments, call.options)) for weight, call in read(text)]


def complaint(text):
    with pytest.raises(SettingsError) as caught:
        read(text)
    return str(caught.value)


def caret(message):
    """The character that stands over the caret, and the position that is named."""
    said, shown, marker = message.split("\n")
    assert marker.strip() == "^"
    number = re.match(r"--objective cannot be read at character ([0-9]+): ", said)
    assert number is not None
    return shown[len(marker) - 1 : len(marker)], int(number[1]) - 1


@example("f", (-0.0, 1e22, "\\", "\\'", "'\"\\", "1e5", "-", ""), (("a", "=,)"),))
@given(NAMES, st.lists(VALUES).map(tuple), OPTIONS)
def test_what_is_written_is_read_again(name, arguments, options):
    text = write(name, arguments, options)
    [(weight, call)] = read(text)
    assert (weight, call.name, call.arguments, call.options) == (1, name, arguments, options)
    assert (call.start, call.stop) == (0, len(text))
    assert write(call.name, call.arguments, call.options) == text


@given(st.lists(st.tuples(FLOATS.filter(bool), NAMES, TEXTS), min_size=1))
def test_a_sum_is_read_in_order_and_exactly(wanted):
    text = " + ".join(f"{weight!r}*{write(name, [value])}" for weight, name, value in wanted)
    assert [(weight, call.name, *call.arguments) for weight, call in read(text)] == wanted


@given(st.one_of(st.text(), st.text("ab37.e+-*/()[],=:'\"\\ \n"), st.lists(st.sampled_from(PIECES)).map("".join)))
def test_any_text_is_read_or_refused_at_a_place_in_it(text):
    try:
        found = read(text)
    except SettingsError as error:
        _, position = caret(str(error))
        assert 0 <= position <= len(text)
    else:
        assert found
        assert all(isinstance(weight, float) and math.isfinite(weight) and weight for weight, _ in found)
        assert all(text[call.start : call.stop].startswith((call.name, *map(str, call.arguments))) for _, call in found)


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(0, 300))
def test_an_error_is_three_lines_and_shows_the_place(text, position):
    position = min(position, len(text))
    said, shown, marker = str(point(text, position, "no.")).split("\n")
    assert said == f"--objective cannot be read at character {position + 1}: no."
    assert len(shown) <= WINDOW + 4
    assert shown[2:].strip("…").isprintable()
    assert marker.strip() == "^"


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("layer(a)", {"layer(a)": 1}),
        ("block8", {"layer(block8)": 1}),
        ("block8:37", {"channel(block8, 37)": 1}),
        ("a:b:7*2", {"channel(a:b, 7)": 2}),
        ("block8:0.5", {"layer(block8:0.5)": 1}),
        ("inception_4c/output - layer3.2.conv1", {"layer(inception_4c/output)": 1, "layer(layer3.2.conv1)": -1}),
        ("block10-expand", {"layer(block10-expand)": 1}),
        ("block10 -expand", {"layer(block10)": 1, "layer(expand)": -1}),
        ("block10- expand", {"layer(block10)": 1, "layer(expand)": -1}),
        ("schärfe", {"layer(schärfe)": 1}),
        ("scha\u0308rfe", {"layer(scha\u0308rfe)": 1}),
        ("- a + b", {"layer(a)": -1, "layer(b)": 1}),
        ("+a - -b", {"layer(a)": 1, "layer(b)": 1}),
        ("2*0.5*layer(a)*3", {"layer(a)": 3}),
        ("2/4*layer(a)/2", {"layer(a)": 0.25}),
        ("a/2", {"layer(a/2)": 1}),
        ("a / 2", {"layer(a)": 0.5}),
        ("-2*-layer(a)", {"layer(a)": 2}),
        ("1e-3*layer(a) - .5*b - 5.*c", {"layer(a)": 1e-3, "layer(b)": -0.5, "layer(c)": -5}),
        ("0.5*(layer(a) - 2*layer(b))", {"layer(a)": 0.5, "layer(b)": -1}),
        ("c - (a - (b - 4*d)/2)*2", {"layer(c)": 1, "layer(a)": -2, "layer(b)": 1, "layer(d)": -4}),
        (" \n layer (\n a ) \t+\n b\n", {"layer(a)": 1, "layer(b)": 1}),
        ("5x5_reduce", {"layer(5x5_reduce)": 1}),
        ("smooth()", {"smooth()": 1}),
        ("f([1, -2.50,\n3e2], [])", {"f([1, -2.5, 300], [])": 1}),
        ("f( x , match = cosine,a='=')", {"f(x, match=cosine, a='=')": 1}),
    ],
)
def test_weights_multiply_through_signs_and_parentheses(text, weights):
    assert terms(text) == [(weight, call) for call, weight in weights.items()]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("37", 37),
        ("-0.5", -0.5),
        ("+1e3", 1e3),
        ("1_000", "1_000"),
        ("٣", "٣"),
        ("nan", "nan"),
        ("-", "-"),
        ("1e", "1e"),
        ("'37'", "37"),
        ('"it\'s"', "it's"),
        (r"'it\'s'", "it's"),
        (r"'C:\pics\a.jpg'", r"C:\pics\a.jpg"),
        (r"'C:\\pics\\'", "C:\\pics\\"),
        (r"'\n\"'", r"\n\""),
        ("C:/x/y.png", "C:/x/y.png"),
        ("flowers.jpg", "flowers.jpg"),
        ("''", ""),
    ],
)
def test_arguments(argument, value):
    [(_, call)] = read(f"guide({argument})")
    assert call.arguments == (value,)
    assert type(call.arguments[0]) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (37, "37"),
        (37.0, "37"),
        (0.1, "0.1"),
        (-0.0, "0"),
        (np.float64(0.1), "0.1"),
        (1e300, "1e+300"),
        ("37", "'37'"),
        ("block8", "block8"),
        ("my cat.jpg", "'my cat.jpg'"),
        ("it's", '"it\'s"'),
        (r"C:\my pics\a.jpg", r"'C:\my pics\a.jpg'"),
        ("end\\", r"'end\\'"),
        ((1.0, -0.5), "[1, -0.5]"),
    ],
)
def test_quotes_are_written_only_where_needed(value, text):
    assert write("f", [value], [("o", value)]) == f"f({text}, o={text})"


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, 10**400, 10**5000], ids="abcde")
def test_only_finite_numbers_are_written(number):
    with pytest.raises(SettingsError, match="finite"):
        write("f", [number])


def test_a_call_knows_where_it_stands():
    text = "2*channel( block8, 37, a=1) - deep:5"
    (_, first), (_, second) = read(text)
    assert text[first.start : first.stop] == "channel( block8, 37, a=1)"
    assert [text[start:][:2] for start in first.starts] == ["bl", "37"]
    assert second == Call("channel", ("deep", 5), (), 30, 36, (30, 35))


MISTAKES = [  # the text, with a § before the character that the caret is under; what is said
    ("§", "a term is missing here"),
    ("  §", "a term is missing here"),
    ("layer(block8 §+ 0.5*channel(block10, 37)", "a ')' is missing here."),
    ("layer(block8§", "a ')' is missing here."),
    ("(layer(a) + b§", "a ')' is missing here."),
    ("layer(a)§)", "one too many"),
    ("layer(a) + §)", "a term is missing here"),
    ("§)", "a term is missing here"),
    ("(§)", "a term is missing here"),
    ("layer(a) +§", "a term is missing here"),
    ("layer(a) *§", "a term is missing here"),
    ("layer(a) *§* 2", "a term is missing here"),
    ("0.5 §layer(a)", "an operator is missing here"),
    ("layer(a) §layer(b)", "an operator is missing here"),
    ("layer(a)§(b)", "an operator is missing here"),
    ("Layer§(a)", "only a to z"),
    ("2 §3", "an operator is missing here"),
    ("§2*3", "only a number"),
    ("layer(a) + §0.5", "only a number"),
    ("0.5 *(§1/3)*layer(a)", "only a number"),
    ("layer(a)§, layer(b)", "added with +"),
    ("layer(a) §^ 2", "'^' means nothing here"),
    ("layer(a) §− layer(b)", "'−' means nothing here"),
    ("§“a”", "'“' begins no term"),
    ("§'block8'", "as block8"),
    ("layer(a) * §layer(b)", "all factors but one are numbers"),
    ("2 / §layer(a)", "so is what divides"),
    ("a + §0*layer(a)", "finite number but 0"),
    ("§layer(a)/0", "finite number but 0"),
    ("§1e200*(1e200*layer(a))", "finite number but 0"),
    ("b - §1e-200*1e-200*a", "finite number but 0"),
    ("§1e999*a", "too large"),
    ("layer(a, §1e999)", "too large"),
    (f"layer(a, §{'0' * 5000}1)", "too large, or too long"),
    (f"layer:§{'9' * 5000}", "too large, or too long"),
    ("layer(a,§)", "an argument is missing here"),
    ("layer(§, a)", "an argument is missing here"),
    ("layer(a, §, b)", "an argument is missing here"),
    ("layer(§", "an argument is missing here"),
    ("layer(a, b=§)", "an argument is missing here"),
    ("guide(my §cat.jpg)", "takes quotes"),
    ("guide(a§;b)", "a ',' or a ')' is missing here"),
    ("guide(§@me)", "'@' begins no argument"),
    ("layer(layer§(a))", "a ',' or a ')' is missing here"),
    ("layer(§(a))", "'(' begins no argument"),
    ("f(a=1, §a=2)", "'a' is given twice"),
    ("f(a=1, §b)", "stands before the options"),
    ("f([1, §x])", "a number is missing here"),
    ("f([1, §])", "a number is missing here"),
    ("f([§[1]])", "a number is missing here"),
    ("f([1 §2])", "a ',' or a ']' is missing here"),
    ("f([1, 2§", "a ']' is missing here"),
    ("f(§'abc)", "never closed"),
    ("f(§'C:\\pics\\')", "a backslash is written twice"),
    ("(" * DEEPEST + "§(a" + ")" * (DEEPEST + 1), "50 deep"),
    ("(" * 30_000 + "a", "50 deep"),
    ("a +\n\t§\x07 b", "'\\x07' begins no term"),
]


@pytest.mark.parametrize(("marked", "says"), MISTAKES, ids=[marked[:40] for marked, _ in MISTAKES])
def test_mistakes(marked, says):
    text = marked.replace("§", "")
    message = complaint(text)
    character, position = caret(message)
    assert says in message
    if "§" in marked:
        assert position == marked.index("§")
    if text[position:].isprintable():
        assert character == text[position : position + 1]


def test_the_picture_of_a_mistake():
    assert complaint("layer(block8 + 0.5*channel(block10, 37)") == (
        "--objective cannot be read at character 14: a ')' is missing here.\n"
        "  layer(block8 + 0.5*channel(block10, 37)\n"
        "               ^"
    )


def test_of_a_long_text_a_part_is_shown():
    _, shown, marker = complaint("a + " * 100 + "; " + "+ a" * 100).split("\n")
    assert (shown[2], shown[-1], len(shown)) == ("…", "…", 2 + WINDOW + 2)
    assert shown[marker.index("^")] == ";"


def test_the_caret_stands_right_under_wide_and_combined_characters():
    _, shown, marker = complaint("猫 + e\u0301\n+ ;").split("\n")
    assert shown == "  猫 + e\u0301 + ;"
    assert marker == "  " + " " * len("__ + e + ") + "^"


def test_parentheses_may_nest_as_deep_as_is_said():
    assert terms("(" * DEEPEST + "a" + ")" * DEEPEST) == [(1, "layer(a)")]


REPEATED = (
    "a+",
    "-",
    "a",
    "1",
    "1.",
    ".",
    "/",
    "a-/",
    " ",
    "a ",
    "\\'",
    "(",
    "a*2*",
    "f(",
    "f(a,",
    "'",
    "[1,",
    "a=",
    "é",
)


@pytest.mark.parametrize("piece", REPEATED)
@pytest.mark.parametrize("frame", ["{}", "f({}", "f('{}", "f([{}", "2*({}"])
def test_the_longest_texts_end(piece, frame):
    text = frame.format(piece * LONGEST_TEXT)[:LONGEST_TEXT]
    try:
        assert read(text)
    except SettingsError as error:
        assert len(str(error)) < 500  # noqa: PT017


def test_a_text_has_an_end():
    assert "at most 100,000" in complaint("a" * (LONGEST_TEXT + 1))
