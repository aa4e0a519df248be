import json
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.kube.cron import CronError, Schedule

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "cron.json").read_text(encoding="utf-8"))
AFTER = datetime.fromisoformat(VECTORS["after"])
CASES: list[dict[str, Any]] = VECTORS["cases"]
VALID = [case for case in CASES if not case.get("error")]
INVALID = [case for case in CASES if case.get("error")]
BERLIN = ZoneInfo("Europe/Berlin")


def after(text: str, moment: str = "2026-01-28T12:00:00Z", count: int = 1, zone: str | None = None) -> list[str]:
    runs = islice(Schedule.parse(text, zone).fires(datetime.fromisoformat(moment)), count)
    return [run.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for run in runs]


@pytest.mark.parametrize("case", VALID, ids=lambda case: case["schedule"])
def test_vector_fires_as_in_robfig(case: dict[str, Any]) -> None:
    assert after(case["schedule"], VECTORS["after"], 3) == case.get("next", [])


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case["schedule"] or "empty")
def test_vector_is_refused_as_in_robfig(case: dict[str, Any]) -> None:
    with pytest.raises(CronError):
        Schedule.parse(case["schedule"])


@pytest.mark.parametrize(
    "text",
    [
        *("@Daily", " @daily", "@daily ", "@every", "@every 1d", "@every  1h", "@every 1", "@", "@reboot"),
        *("0 2 * * sunday", "0 2 * janu *", "0 2 * * 1-", "0 2 * * -", "1--2 * * * *", "1-2-3 * * * *", "* * * * */-1"),
        *("1/2/3 * * * *", "*/ * * * *", "/5 * * * *", "++5 * * * *", "0x1 * * * *", "٣ * * * *", "1.5 * * * *"),
        *("0 2 * * *\x1c", "0 2 * * MON#1", "0 2 L * *", "0 2 15W * *", "H 2 * * *", "0 2 * * 5L"),
        *(
            "*/9223372036854775808 * * * *",
            "TZ=UTC",
            "TZ=UTC\t0 3 * * *",
            "TZ=Nope/Nope 0 3 * * *",
            " TZ=UTC 0 3 * * *",
        ),
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(CronError):
        Schedule.parse(text)


@pytest.mark.parametrize("value", [None, 5, 5.0, True, [], {}, ["0 2 * * *"]])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(CronError):
        Schedule.parse(value)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("0 2 * * *", "00 02 * * *"),
        ("0 2 * * *", "0 2 * * 0-6"),
        ("0 2 * * *", "0 2 1-31 * *"),
        ("0 2 * * *", "0 2 1-31 * 1"),
        ("0 2 * * *", "0 2 ? * ?"),
        ("0 2 * * *", "  0\t2 *  * * "),
        ("0 2 * * *", "0,0 2 * 1-12 */1"),
        ("0 2 * * *", "+0 2 *-anything * *"),
        ("0 * * * *", "*/61 */1 * * *"),
        ("@daily", "0 0 * * *"),
        ("@daily", "@midnight"),
        ("@yearly", "@annually"),
        ("@weekly", "0 0 * * SUN"),
        ("0 2 * * 1-5", "0 2 * * mon,tue,WED,thu,fri"),
        ("*/15 * * * *", "0,15,30,45 * * * *"),
        ("*/15 * * * *", "0/15 * * * *"),
        ("0 0 31 2 *", "30 5 30 2 *"),
        ("0 0 31 4,6 *", "0 0 , * *"),
        ("0 0 29-31 2 *", "0 0 29 2 *"),
        ("@every 60m", "@every 1h"),
        ("@every 1ms", "@every 1.9s"),
        ("@every -5m", "@every 1s"),
        ("TZ=UTC 0 2 * * *", "0 2 * * *"),
        ("TZ= 0 2 * * *", "0 2 * * *"),
        ("TZ=Local 0 2 * * *", "0 2 * * *"),
        ("CRON_TZ=Asia/Seoul   0 3 * * *", "0 18 * * *"),
        ("TZ=Asia/Seoul 30 3 * * 1-5", "30 18 * * 0-4"),
        ("TZ=America/Phoenix 0 20 * * MON", "0 3 * * TUE"),
        ("TZ=Asia/Kolkata 0 0 * * *", "30 18 * * *"),
    ],
)
def test_equal_by_meaning(text: str, same: str) -> None:
    assert Schedule.parse(text) == Schedule.parse(same)
    assert hash(Schedule.parse(text)) == hash(Schedule.parse(same))


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("0 2 * * *", "2 0 * * *"),
        ("0 2 * * *", "0 14 * * *"),
        ("0 2 * * *", "0 2 * * 1-6"),
        ("0 2 * * *", "0 2 */2 * *"),
        ("0 2 1 * *", "0 2 1 * 1"),
        ("0 2 1 * *", "0 2 1 * 0-6"),
        ("0 0 29 2 *", "0 0 28 2 *"),
        ("0 0 30 2 *", "0 0 29 2 *"),
        ("@every 1h", "@hourly"),
        ("@every 24h", "@daily"),
        ("@every 1h", "@every 2h"),
        ("TZ=Europe/Berlin 0 2 * * *", "0 1 * * *"),
        ("TZ=Europe/Berlin 0 2 * * *", "0 2 * * *"),
        ("TZ=Asia/Seoul 0 3 1 * *", "0 18 31 * *"),
        ("TZ=Asia/Seoul 0 3 * * *", "0 3 * * *"),
    ],
)
def test_unequal_by_meaning(text: str, other: str) -> None:
    assert Schedule.parse(text) != Schedule.parse(other)


def test_a_schedule_equals_nothing_else() -> None:
    assert Schedule.parse("@daily") != "@daily"


def test_daily_at_compares_by_meaning() -> None:
    assert Schedule.parse("00 02 * * 0-6") == Schedule.daily_at(2)
    assert Schedule.parse("30 18 * * *") == Schedule.daily_at(3, 30, "Asia/Seoul")
    assert Schedule.parse("0 2 * * 1-5") != Schedule.daily_at(2)
    assert Schedule.parse("0 */2 * * *") != Schedule.daily_at(2)


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("*/5 * * * *", timedelta(minutes=5)),
        ("*/7 * * * *", timedelta(minutes=7)),
        ("*/50 * * * *", timedelta(minutes=50)),
        ("0 2 * * *", timedelta(hours=24)),
        ("0 2,4 * * *", timedelta(hours=22)),
        ("0 9-17 * * 1-5", timedelta(hours=64)),
        ("0 2 * * 1-5", timedelta(days=3)),
        ("0 2 * * 0", timedelta(days=7)),
        ("0 2 1 * *", timedelta(days=31)),
        ("0 2 31 * *", timedelta(days=61)),
        ("0 2 1 * 1", timedelta(days=7)),
        ("@yearly", timedelta(days=366)),
        ("0 0 29 2 *", timedelta(days=1461)),
        ("@every 90m", timedelta(minutes=90)),
        ("@every 400h", timedelta(hours=400)),
    ],
)
def test_largest_gap(text: str, gap: timedelta) -> None:
    assert Schedule.parse(text).largest_gap() == gap


@pytest.mark.parametrize("text", ["0 0 * 2 0", "0 0 1 1 1", "0 0 29 2 1", "0 0 13 * *", "15,45 3-5 */10 */5 *"])
def test_the_largest_gap_is_that_of_28_years_of_runs(text: str) -> None:
    schedule, start = Schedule.parse(text), datetime(2001, 1, 1, tzinfo=UTC)
    runs = takewhile(lambda run: run.year < 2031, schedule.fires(start))
    assert schedule.largest_gap() == max(later - earlier for earlier, later in pairwise(runs))


@pytest.mark.parametrize("text", ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", ", * * * *", "* * , * ,"])
def test_dates_that_never_come(text: str) -> None:
    schedule = Schedule.parse(text)
    assert schedule.never_fires
    assert schedule.next_after(AFTER) is None
    assert schedule.largest_gap() is None
    assert schedule.gaps(AFTER, 3) == []


@pytest.mark.parametrize("text", ["0 0 29 2 *", "0 0 31 2 1", "0 0 31 2 0-6", "@every 1s", "0 0 31 1-2 *"])
def test_dates_that_do_come(text: str) -> None:
    schedule = Schedule.parse(text)
    assert not schedule.never_fires
    assert schedule.next_after(AFTER) is not None


def test_the_search_ends_after_five_years_as_the_controllers_does() -> None:
    assert after("0 0 29 2 *", "2096-03-01T00:00:00Z") == []
    assert after("0 0 29 2 *", "2092-03-01T00:00:00Z") == ["2096-02-29T00:00:00Z"]


@pytest.mark.parametrize(
    "name", ["", "Local", "local", "asia/seoul", "Europe", "GMT+3", "../UTC", "UTC ", "/UTC", "UTC\n"]
)
def test_time_zones_that_the_api_server_refuses(name: str) -> None:
    with pytest.raises(CronError):
        Schedule.parse("0 3 * * *", name)


@pytest.mark.parametrize("name", ["Asia/Seoul", "Etc/GMT+3", "UTC", "America/Argentina/ComodRivadavia"])
def test_time_zones_that_the_api_server_takes(name: str) -> None:
    assert Schedule.parse("0 3 * * *", name).time_zone == name


def test_a_zone_in_the_text_is_told_and_wins() -> None:
    schedule = Schedule.parse("CRON_TZ=Asia/Seoul 0 3 * * *", "UTC")
    assert schedule.zone_in_text
    assert schedule.time_zone == "Asia/Seoul"
    assert not Schedule.parse("0 3 * * *", "Asia/Seoul").zone_in_text


def test_the_time_zone_moves_the_runs() -> None:
    assert after("0 3 * * *", zone="Asia/Seoul") == ["2026-01-28T18:00:00Z"]
    assert after("0 3 * * *", zone="Europe/Berlin") == ["2026-01-29T02:00:00Z"]
    assert after("0 3 * * *", "2026-07-01T12:00:00Z", zone="Europe/Berlin") == ["2026-07-02T01:00:00Z"]


def test_a_time_that_the_clock_jumps_over_is_skipped() -> None:
    assert after("30 2 * * *", "2026-03-28T00:00:00Z", 2, "Europe/Berlin") == [
        "2026-03-28T01:30:00Z",
        "2026-03-30T00:30:00Z",
    ]
    gaps = Schedule.parse("30 2 * * *", "Europe/Berlin").gaps(datetime(2026, 3, 28, tzinfo=UTC), 1)
    assert gaps == [timedelta(hours=47)]


def test_an_hour_that_comes_twice_fires_twice() -> None:
    assert after("30 2 * * *", "2026-10-24T12:00:00Z", 3, "Europe/Berlin") == [
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:30:00Z",
        "2026-10-26T01:30:00Z",
    ]


def test_a_midnight_that_does_not_exist() -> None:
    assert after("0 0 * * *", "2018-11-03T12:00:00Z", 2, "America/Sao_Paulo") == [
        "2018-11-05T02:00:00Z",
        "2018-11-06T02:00:00Z",
    ]


def test_gaps_are_real_time_also_for_a_moment_with_summer_time() -> None:
    schedule = Schedule.parse("0 12 * * *", "Europe/Berlin")
    gaps = schedule.gaps(datetime(2026, 10, 24, 0, 0, tzinfo=BERLIN), 3)
    assert gaps == [timedelta(hours=25), timedelta(hours=24), timedelta(hours=24)]


def test_a_run_is_later_than_the_moment_and_in_its_zone() -> None:
    schedule = Schedule.parse("0 2 * * *")
    on_time = datetime(2026, 1, 29, 2, 0, tzinfo=UTC)
    assert schedule.next_after(on_time) == datetime(2026, 1, 30, 2, 0, tzinfo=UTC)
    assert schedule.next_after(on_time - timedelta(microseconds=1)) == on_time
    found = Schedule.parse("0 2 * * *", "UTC").next_after(datetime(2026, 1, 29, 3, 30, tzinfo=BERLIN))
    assert found is not None
    assert found.isoformat() == "2026-01-30T03:00:00+01:00"


def test_every_counts_from_the_moment_without_its_fraction() -> None:
    assert after("@every 1h30m", "2026-01-28T12:00:07.900000Z", 2) == ["2026-01-28T13:30:07Z", "2026-01-28T15:00:07Z"]


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Schedule.parse("@daily").next_after(datetime(2026, 1, 1))


NUMBERS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 6)}


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, 20).map(lambda by: f"*/{by}")
    return st.one_of(st.just("*"), number.map(str), span, step, st.lists(number.map(str), min_size=1).map(",".join))


SCHEDULES = st.tuples(*(fields(low, high) for low, high in NUMBERS.values())).map(" ".join)


@given(SCHEDULES)
@settings(max_examples=60, deadline=None)
def test_every_run_is_on_a_day_of_the_cycle_and_no_gap_is_larger(text: str) -> None:
    schedule = Schedule.parse(text)
    longest = schedule.largest_gap()
    runs = list(islice(schedule.fires(datetime(2001, 1, 1, tzinfo=UTC)), 15))
    assert bool(runs) == (longest is not None)
    for run in runs:
        assert run.date().toordinal() in schedule.days
    if longest is not None:
        assert all(gap <= longest for gap in schedule.gaps(datetime(2001, 1, 1, tzinfo=UTC), 14))


@given(SCHEDULES, SCHEDULES)
@settings(max_examples=60, deadline=None)
def test_equal_schedules_fire_together(text: str, other: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    runs = list(islice(Schedule.parse(text).fires(start), 30))
    other_runs = list(islice(Schedule.parse(other).fires(start), 30))
    if Schedule.parse(text) == Schedule.parse(other):
        assert runs == other_runs
    elif runs[:1] != other_runs[:1]:
        assert Schedule.parse(text) != Schedule.parse(other)


@given(
    SCHEDULES, st.sampled_from(["Asia/Seoul", "Asia/Kolkata", "America/Phoenix", "Pacific/Kiritimati", "Etc/GMT+12"])
)
@settings(max_examples=40, deadline=None)
def test_equality_across_zones_is_equality_of_runs(text: str, zone: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    here, there = Schedule.parse(text), Schedule.parse(text, zone)
    runs = list(islice(here.fires(start), 40))
    if here == there:
        assert runs == list(islice(there.fires(start), 40))
        assert hash(here) == hash(there)
    else:
        assert runs


@given(st.text(alphabet="0123456789*/-,?@ LTZ=sunjanevry", max_size=24))
def test_no_text_crashes(text: str) -> None:
    try:
        schedule = Schedule.parse(text)
    except CronError:
        return
    assert schedule.never_fires == (schedule.largest_gap() is None)
