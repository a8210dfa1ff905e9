"""The small language of `--objective`: a text becomes weighted calls, and a call becomes a text.

    sum      =  product { ("+" | "-") product }
    product  =  factor { ("*" | "/") factor }                  at most one factor is more than a number
    factor   =  { "+" | "-" } ( number | "(" sum ")" | call | word )
    call     =  name "(" [ argument { "," argument } ] ")"      with name=value after the others
    value    =  number | word | 'text' | "text" | [number, …]

It knows nothing of what names mean, and nothing in a text is ever evaluated by Python.

>>> for weight, call in read("block8 - 0.5*(block10:37 + 2*class('tabby'))"):
...     print(weight, write(call.name, call.arguments, call.options))
1.0 layer(block8)
-0.5 channel(block10, 37)
-1.0 class(tabby)
"""

import math
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from phosphene.errors import SettingsError

Value = str | float | int | tuple[float, ...]

LONGEST_TEXT = 100_000
LONGEST_NUMBER = 400  # any finite number has a shorter name, and Python refuses whole numbers of 4300 digits
DEEPEST = 50
WINDOW = 100

_LETTER = r"\w\u0300-\u036f"  # with the accents that file names from a Mac keep apart from their letters
_DIGITS = r"(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
_NAME = r"[a-z_][a-z0-9_]*+"
_SPACE = re.compile(r"\s*+")
_SIGNS = re.compile(r"[\s+-]*+")
_CALL = re.compile(rf"({_NAME})\s*+\(")
_OPTION = re.compile(rf"({_NAME})\s*+=")
_WORD = re.compile(rf"[{_LETTER}./:-]++")
_NUMBER = re.compile(rf"[+-]?{_DIGITS}(?![{_LETTER}./:-])")
# Among operators, a word does not begin or end with one, and a number ends before one.
_TERM_WORD = re.compile(rf"[{_LETTER}](?:[{_LETTER}./:-]*[{_LETTER}.:])?")
_TERM_NUMBER = re.compile(rf"{_DIGITS}(?![{_LETTER}.:])")
_QUOTED = {quote: re.compile(rf"{quote}[^{quote}\\]*(?:\\.[^{quote}\\]*)*{quote}", re.DOTALL) for quote in "'\""}
_AFTER_A_TERM = {
    "": "a ')' is missing here.",
    ")": "this ')' closes nothing: it is one too many, or a '(' is missing before it.",
    "(": "an operator is missing here; or, in a call, the name before it has only a to z, digits and _.",
    ",": "terms are added with +, as block8 + 0.5*block10; a ',' stands only within a call.",
}


@dataclass(frozen=True)
class Call:
    """One named thing of an objective, `channel(block8, 37)`, and where in the text it stands."""

    name: str
    arguments: tuple[Value, ...]
    options: tuple[tuple[str, Value], ...]
    start: int
    stop: int
    starts: tuple[int, ...]  # of each argument


Weighted = list[tuple[float, Call]]


def read(text: str) -> Weighted:
    """The calls of an objective with their weights, which are finite and not 0, in the order of the text.

    Raises:
        SettingsError: the text is no objective; the message points at the character.

    >>> read("layer(a)/2")
    [(0.5, Call(name='layer', arguments=('a',), options=(), start=0, stop=8, starts=(6,)))]
    """
    if len(text) > LONGEST_TEXT:
        raise point(text, LONGEST_TEXT, f"it has {len(text):,} characters, and at most {LONGEST_TEXT:,} are read.")
    return _Reader(text).sum(until="")


def write(name: str, arguments: Iterable[Value], options: Iterable[tuple[str, Value]] = ()) -> str:
    """The text of a call, such that `read` gives it again; only what needs quotes has them.

    Raises:
        SettingsError: a number that is not finite.

    >>> write("guide", ["my cat.jpg", 37.0, (1, -0.5)], [("match", "cosine")])
    "guide('my cat.jpg', 37, [1, -0.5], match=cosine)"
    """
    parts = [_written(value) for value in arguments] + [f"{key}={_written(value)}" for key, value in options]
    return f"{name}({', '.join(parts)})"


def point(text: str, position: int, message: str) -> SettingsError:
    """An error that shows `text`, or what of it is near, with a caret under the character at `position`.

    >>> print(point("layer(blok8)", 6, "there is no layer 'blok8'."))
    --objective cannot be read at character 7: there is no layer 'blok8'.
      layer(blok8)
            ^
    """
    first = max(0, min(position - WINDOW // 2, len(text) - WINDOW))
    left, right = "…"[: first > 0], "…"[: len(text) > first + WINDOW]
    shown = "".join(c if c.isprintable() else " " for c in text[first : first + WINDOW])
    indent = " " * sum(map(_columns, left + shown[: position - first]))
    said = f"--objective cannot be read at character {position + 1}: {message}"
    return SettingsError(f"{said}\n  {left}{shown}{right}\n  {indent}^")


class _Reader:
    """Reads a text once, from left to right; `at` is the next character, `depth` how many parentheses are open."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    def sum(self, until: str) -> Weighted:
        terms = self.product()
        while self.look() in ("+", "-"):  # which the product reads as its sign
            terms += self.product()
        if self.look() != until:
            raise self.unexpected()
        self.at += len(until)
        return terms

    def product(self) -> Weighted:
        starts: list[int] = []
        weight, terms, operator = 1.0, None, "*"
        while operator:
            weight *= -1 if self.take(_SIGNS).count("-") % 2 else 1
            starts.append(self.skip())
            factor = self.factor()
            if isinstance(factor, float):
                weight = weight * factor if operator == "*" else weight / (factor or math.nan)
            elif operator == "/" or terms is not None:
                raise self.error("all factors but one are numbers, and so is what divides: 2*layer(a)/3.", starts[-1])
            else:
                terms = factor
            operator = self.accept("*/")
        if terms is not None:
            return self.weighted(weight, terms, starts[0])
        if self.look() not in ("", *"+-)"):
            raise self.unexpected()
        raise self.error("this is only a number. Say of what, as 0.5*layer(block8).", starts[0])

    def weighted(self, weight: float, terms: Weighted, start: int) -> Weighted:
        weighted = [(weight * inner, call) for inner, call in terms]
        if all(outer and math.isfinite(outer) for outer, _ in weighted):
            return weighted
        raise self.error("a weight is a finite number but 0. Leave out what shall not count.", start)

    def factor(self) -> float | Weighted:
        start = self.skip()
        if self.accept("("):
            return self.group(start)
        if call := _CALL.match(self.text, start):
            self.at = call.end()
            return [(1.0, self.call(call[1], start))]
        if digits := self.take(_TERM_NUMBER):
            return float(self.number(digits, start))
        if word := self.take(_TERM_WORD):
            return [(1.0, self.word(word, start))]
        said = "a term is missing here" if self.look() in ("", *"*/),") else f"{self.look()!r} begins no term"
        raise self.error(f"{said}. A term is as block8, channel(block8, 37) or 0.5*layer('my layer').")

    def group(self, start: int) -> Weighted:
        if self.depth == DEEPEST:
            raise self.error(f"parentheses nest at most {DEEPEST} deep.", start)
        self.depth += 1
        terms = self.sum(until=")")
        self.depth -= 1
        return terms

    def word(self, word: str, start: int) -> Call:
        """A word alone: `block8` is its layer, and `block8:37` a channel of it."""
        stop = self.at
        layer, _, index = word.rpartition(":")
        if not layer or not re.fullmatch("[0-9]+", index):
            return Call("layer", (word,), (), start, stop, (start,))
        digit = stop - len(index)
        return Call("channel", (layer, self.number(index, digit)), (), start, stop, (start, digit))

    def call(self, name: str, start: int) -> Call:
        arguments: dict[int, Value] = {}  # by where they begin
        options: dict[str, Value] = {}
        for here in self.items(")"):
            if option := _OPTION.match(self.text, here):
                if option[1] in options:
                    raise self.error(f"{option[1]!r} is given twice.")
                self.at = option.end()
                options[option[1]] = self.value()
            elif options:
                raise self.error("what has no name stands before the options that have one, as match=cosine.")
            else:
                arguments[here] = self.value()
        return Call(name, tuple(arguments.values()), tuple(options.items()), start, self.at, tuple(arguments))

    def items(self, end: str) -> Iterator[int]:
        """Where each item of a list begins, for the caller to read it there; takes the commas and the end."""
        ended = self.accept(end)
        while not ended:
            yield self.skip()
            ended = self.accept(end)
            if not ended and not self.accept(","):
                if self.look() in ("", *"+-*/"):
                    raise self.error(f"a {end!r} is missing here.")
                raise self.error(f"a ',' or a {end!r} is missing here. A text with spaces takes quotes, 'my cat.jpg'.")

    def value(self) -> Value:
        start, first = self.skip(), self.look()
        if first in _QUOTED:
            return self.quoted(first)
        if self.accept("["):
            return tuple(float(self.number(self.take(_NUMBER), here)) for here in self.items("]"))
        if digits := self.take(_NUMBER):
            return self.number(digits, start)
        if word := self.take(_WORD):
            return word
        said = "an argument is missing here" if first in ("", *",)") else f"{first!r} begins no argument"
        raise self.error(f"{said}. An argument is as block8, 37, [1, -0.5], or in quotes, 'my cat.jpg'.")

    def quoted(self, quote: str) -> str:
        """A backslash escapes this quote and itself; before anything else it is one, as in the paths of Windows."""
        if found := self.take(_QUOTED[quote]):
            return re.sub(rf"\\([\\{quote}])", r"\1", found[1:-1])
        raise self.error(f"this {quote} is never closed. (Before a quote, a backslash is written twice.)")

    def number(self, digits: str, start: int) -> int | float:
        if not digits:
            raise self.error("a number is missing here: a list is of numbers, as [1, -0.5].")
        if len(digits) > LONGEST_NUMBER or not math.isfinite(float(digits)):
            raise self.error("this number is too large, or too long.", start)
        return int(digits) if digits.lstrip("+-").isdigit() else float(digits)

    def skip(self) -> int:
        """Where the next character is that is no space."""
        self.take(_SPACE)
        return self.at

    def look(self) -> str:
        """The next character that is no space; nothing at the end."""
        return self.text[self.skip() : self.at + 1]

    def accept(self, characters: str) -> str:
        """Takes the next character if it is one of these."""
        found = self.look()
        accepted = found if found in characters else ""
        self.at += len(accepted)
        return accepted

    def take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return found[0] if found else ""

    def unexpected(self) -> SettingsError:
        """What is wrong where a term has ended, and neither an operator follows nor the end."""
        found = self.look()
        said = "an operator is missing here" if _WORD.match(found) else f"{found!r} means nothing here"
        return self.error(_AFTER_A_TERM.get(found, f"{said}: + or - stand between terms, and * after a number."))

    def error(self, message: str, position: int | None = None) -> SettingsError:
        return point(self.text, self.at if position is None else position, message)


def _written(value: Value) -> str:
    if isinstance(value, str):
        return _text(value)
    return f"[{', '.join(map(_numeral, value))}]" if isinstance(value, tuple) else _numeral(value)


def _numeral(value: float) -> str:
    if not abs(value) <= sys.float_info.max:  # as a NaN is not, nor a whole number that no float holds
        raise SettingsError("An objective takes finite numbers; one of these is too large, or is none.")
    # Without a zero's sign; and not `repr`, which for numpy's floats says that they are.
    return str(int(value)) if isinstance(value, int) else float.__repr__(value or 0.0).removesuffix(".0")


def _text(text: str) -> str:
    if _WORD.fullmatch(text) and not _NUMBER.fullmatch(text):
        return text
    quote = '"' if "'" in text and '"' not in text else "'"
    # A backslash is doubled only where what follows would make it an escape.
    escaped = re.sub(rf"\\(?=[\\{quote}]|\Z)|{quote}", r"\\\g<0>", text)
    return quote + escaped + quote


def _columns(character: str) -> int:
    """How many columns a terminal gives it."""
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
