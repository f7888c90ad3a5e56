"""`puzzles/dates`: which date is it, so many days, weeks, months or years from today?

What says which day today is must be one sentence of a few known forms, and the question another.
Where a month or a year later has no such day (29 February), the critic abstains.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from gadfly import Task
from gadfly_puzzles._critic import Fault, Judged, PuzzleCritic, UnreadError
from gadfly_puzzles._drafts import find_answer, read_choice, read_options

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]*\.?"
_SLASHED = r"\d{1,2}/\d{1,2}/\d{4}"
_NAMED = rf"{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
_DATE = rf"(?:{_SLASHED}|{_NAMED})"
_SPECIAL = (
    rf"(?:the )?(?:(?:first|last) day of (?:{_MONTH},? )?(?:in )?\d{{4}}|"
    r"last day of the first quarter (?:of|in) \d{4}|Christmas Eve (?:of|in) \d{4})"
)
_DAY = rf"(?P<day>{_DATE}|{_SPECIAL})"
_COUNT = r"(?P<count>\d{1,4}|[a-z]+)"
_WHO = r"[A-Z]\w*"
_TODAY: tuple[tuple[str, int], ...] = (
    (rf"(?:Today|This|Today's date) is {_DAY}\.", 0),
    (rf"Today is {_DAY}\. {_WHO}'s appointment will be \d+ days later\.", 0),
    (rf"It is {_DAY} today\.", 0),
    (rf"Today, {_DAY}, is a day that [a-z ]+\.", 0),
    (rf"The current local time is \d{{1,2}}:\d\d [ap]m of {_DAY}\.", 0),
    (rf"{_WHO} is celebrating {_DAY}\.", 0),
    (rf"Tomorrow is {_DAY}\.", -1),
    (
        rf"{_WHO} (?:booked|scheduled) [\w ]+ for tomorrow,? \(?(?:[A-Z][a-z]{{2}}, )?{_DAY}\)?\.",
        -1,
    ),
    (rf"Today's meeting is rescheduled to \d{{1,2}} [ap]m tomorrow, {_DAY}\.", -1),
    (rf"Yesterday was {_DAY}\.", 1),
    (rf"Yesterday, {_DAY}, {_WHO} (?:ate|bought|read|saw|walked|ran)\b[^.]*\.", 1),
    (rf"The \w+ was scheduled to be on {_DAY}, but was delayed by one day to today\.", 1),
    (rf"The day before yesterday was {_DAY}\.", 2),
    (rf"The deadline is {_DAY}, which is 2 days away from now\.", -2),
)
"""What a task says, and how many days after the day in it today is."""
_MARRIED = rf"{_WHO} and {_WHO} married on {_DAY}\."
_SINCE: tuple[tuple[str, str], ...] = (
    (rf"{_WHO} (?:quit|quited) her job on {_DAY}\. {_COUNT} days have passed since then\.", "day"),
    (rf"{_DAY} is like yesterday to {_WHO}, but that is actually {_COUNT} years ago\.", "year"),
    (rf"{_MARRIED} (?:Today|It) is their {_COUNT}-year anniversary(?: today)?\.", "year"),
    (rf"{_MARRIED} Today is their (?P<count>golden) wedding anniversary\.", "year"),
    (rf"{_WHO} was born on {_DAY}\. Today is (?:her|his) {_COUNT}-year-old birthday\.", "year"),
)
"""What a task says, and the unit of how long ago the day in it was."""
_UK = re.compile(
    r"In the UK, people usually put the day before the month when formatting the date\. Therefore, "
    r"today is (?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4}) to them\."
)
_WEEKDAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_FIRST_WEEKDAY = re.compile(
    rf"The first day of (?P<year>\d{{4}}) is a (?P<first>{_WEEKDAY}), and today is the first "
    rf"(?P<weekday>{_WEEKDAY}) of (?P=year)\."
)
_THANKSGIVING = re.compile(
    r"In the US, Thanksgiving is on the fourth Thursday of November\. "
    r"Today is the US Thanksgiving of (?P<year>\d{4})\."
)
_THINKS = re.compile(
    rf"(?P<one>\w+) thinks today is {_DAY}, "
    rf"but (?P<other>\w+) thinks today is (?P<second>{_DATE})\. "
    r"(?P<right>\w+) is (?:correct|right)\."
)
_QUESTION = re.compile(
    r"What is the date (?P<when>[a-z0-9 ]+?)(?: in MM/DD/YYYY)?\?", re.IGNORECASE
)
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_COUNTS = dict(zip(_WORDS, range(1, 11), strict=True)) | {"a": 1, "an": 1, "golden": 50}
_SHIFT = re.compile(
    r"(?P<count>\d{1,4}|[a-z]+) (?P<unit>hour|day|week|month|year)s? "
    r"(?P<way>ago|later|from (?:today|now)|after today|before today)(?: from today)?"
)
_ANSWER = re.compile(rf"(?P<day>{_DATE})")


@dataclass(frozen=True, slots=True)
class DatesPuzzle:
    """A date, and options of which one is it."""

    day: date
    options: Mapping[str, str]

    def judge(self, text: str) -> Judged:
        """See `Puzzle.judge`."""
        answer = find_answer(text, self._read)
        wrong: tuple[Fault, ...] = ()
        if answer is not None and answer.value != self.day:
            message = f"it is {_shown(self.day)}, not {_shown(answer.value)}"
            wrong = (Fault(answer.start, answer.end, "wrong date", message),)
        return Judged(
            expected=_shown(self.day),
            stated=None if answer is None else _shown(answer.value),
            wrong=wrong,
        )

    def _read(self, text: str) -> date | None:
        letter = read_choice(text, dict(self.options)) if self.options else None
        said = text if letter is None else self.options[letter]
        match = _ANSWER.fullmatch(said)
        try:
            return None if match is None else _date(match["day"])
        except UnreadError:
            return None


class DatesCritic(PuzzleCritic):
    """Accept the date that the task's sentences lead to.

    It reads tasks of two parts: which day today is, and which date is asked for, so many days or
    months from it. Other ways to tell a day are not read.
    """

    __slots__ = ()
    id = "puzzles/dates"

    def read(self, task: Task) -> DatesPuzzle:
        """See `PuzzleCritic.read`."""
        text, options = read_options(task.prompt)
        text = re.sub(r"^Q(?:uestion)?: ", "", " ".join(text.split()))
        question = _QUESTION.search(text)
        if question is None or question.end() != len(text):
            raise UnreadError(text)
        today = _today(text[: question.start()].strip())
        day = _asked(today, question["when"].casefold())
        if options and sum(_same(words, day) for words in options.values()) != 1:
            raise UnreadError(f"no option, or several, is {_shown(day)}")
        return DatesPuzzle(day, options)


def _today(text: str) -> date:
    if match := _THINKS.fullmatch(text):
        if match["right"] not in {match["one"], match["other"]} or match["one"] == match["other"]:
            raise UnreadError(text)
        return _date(match["day" if match["right"] == match["one"] else "second"])
    for pattern, days in _TODAY:
        if match := re.fullmatch(pattern, text, re.IGNORECASE):
            return _later(_date(match["day"]), days, "day")
    for pattern, unit in _SINCE:
        if match := re.fullmatch(pattern, text, re.IGNORECASE):
            return _later(_date(match["day"]), _count(match["count"]), unit)
    return _named(text)


def _named(text: str) -> date:
    """Return the day that a task names by a rule of the calendar."""
    if match := _UK.fullmatch(text):
        return _date(f"{match['month']}/{match['day']}/{match['year']}")
    if match := _FIRST_WEEKDAY.fullmatch(text):
        day = _weekday(int(match["year"]), 1, match["weekday"])
        if _WEEKDAYS[date(day.year, 1, 1).weekday()] != match["first"]:
            raise UnreadError(text)
        return day
    if match := _THANKSGIVING.fullmatch(text):
        return _weekday(int(match["year"]), 11, "Thursday") + timedelta(21)
    raise UnreadError(text)


def _weekday(year: int, month: int, name: str) -> date:
    """Return the first day of a month with that name."""
    try:
        days = [date(year, month, day) for day in range(1, 8)]
    except ValueError as error:
        raise UnreadError(str(year)) from error
    return next(day for day in days if _WEEKDAYS[day.weekday()] == name)


def _asked(today: date, when: str) -> date:
    fixed = {"today": 0, "tomorrow": 1, "yesterday": -1}
    if when in fixed:
        return _later(today, fixed[when], "day")
    match = _SHIFT.fullmatch(when)
    if match is None:
        raise UnreadError(when)
    count = _count(match["count"])
    return _later(
        today, -count if match["way"] in {"ago", "before today"} else count, match["unit"]
    )


def _count(text: str) -> int:
    if text.isdecimal():
        return int(text)
    if text.casefold() not in _COUNTS:
        raise UnreadError(text)
    return _COUNTS[text.casefold()]


def _later(day: date, count: int, unit: str) -> date:
    """Return the day so many units later, or earlier.

    Raises:
        UnreadError: There is no such day, or it is not a matter of whole days.
    """
    days = {"day": 1, "week": 7}
    try:
        if unit in days:
            return day + timedelta(count * days[unit])
        if unit == "hour":
            whole, rest = divmod(count, 24)
            if rest:
                raise UnreadError(f"{count} hours")
            return day + timedelta(whole)
        return _months_later(day, count if unit == "month" else 12 * count)
    except (ValueError, OverflowError) as error:
        raise UnreadError(str(error)) from error


def _months_later(day: date, months: int) -> date:
    """Return the same day of another month.

    Raises:
        ValueError: That month has no such day.
    """
    years, month = divmod(day.month - 1 + months, 12)
    return day.replace(year=day.year + years, month=month + 1)


def _date(text: str) -> date:
    """Return the day that a text names."""
    words = text.casefold().replace(",", " ").replace(".", " ")
    try:
        if slashed := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", words.strip()):
            return date(int(slashed[3]), int(slashed[1]), int(slashed[2]))
        year = int(words.split()[-1])
        if "christmas eve" in words:
            return date(year, 12, 24)
        if "first quarter" in words:
            return date(year, 3, 31)
        month = next((one for one in words.split() if _month(one)), None)
        if "last day" in words:
            after = 12 if month is None else _month(month)
            return date(year + after // 12, after % 12 + 1, 1) - timedelta(1)
        if "first day" in words:
            return date(year, 1 if month is None else _month(month), 1)
        day = re.search(r"\d+", words)
        assert day is not None and month is not None, "the patterns hold a month and a day"
        return date(year, _month(month), int(day.group()))
    except (ValueError, OverflowError) as error:
        raise UnreadError(text) from error


def _month(word: str) -> int:
    """Return the number of the month that begins as a word does; 0 where none does."""
    if len(word) < 3 or not word.isalpha():
        return 0
    return next((at for at, name in enumerate(_MONTHS, 1) if name == word[:3]), 0)


def _same(words: str, day: date) -> bool:
    match = _ANSWER.fullmatch(words)
    try:
        return match is not None and _date(match["day"]) == day
    except UnreadError:
        return False


def _shown(day: date) -> str:
    return f"{day.month:02}/{day.day:02}/{day.year:04}"
