"""Finding and loading plugins: one bad plugin takes nothing else down."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path

import pytest

from gadfly import (
    Event,
    EventKind,
    InputError,
    PluginError,
    PluginInfo,
    Plugins,
    UnknownNameError,
)
from gadfly._plugins import LOAD_SECONDS
from gadfly.testing import install_plugin

GOOD = """
from gadfly import Critique, Verdict, critic, hookimpl

@hookimpl
def register_critics(register):
    def factory(*, strict=False):
        @critic(name="check")
        def check(draft, context):
            return Critique(Verdict.PASS, f"strict={strict}")
        return check
    register("check", factory)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path in which plugins can be installed; they are forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def found_in(
    folder: Path, disabled: Sequence[str] = (), load_seconds: float = LOAD_SECONDS
) -> Plugins:
    """The plugins of one folder alone, without those of the environment."""
    points = [
        point
        for distribution in distributions(path=[str(folder)])
        for point in distribution.entry_points
    ]
    return Plugins(points, disabled=disabled, load_seconds=load_seconds)


def info(plugins: Plugins, name: str) -> PluginInfo:
    (one,) = [one for one in plugins.load_all() if one.name == name]
    return one


def test_a_good_plugin_is_listed_with_what_it_offers(site: Path) -> None:
    install_plugin(site, "good", GOOD, version="2.3")

    found = info(found_in(site), "good")

    assert (found.status, found.problem) == ("loaded", "")
    assert (found.distribution, found.version, found.module) == (
        "gadfly-good",
        "2.3",
        "gadfly_good",
    )
    assert found.offers == {"critics": ("good/check",)}
    assert found.import_seconds is not None
    assert not found.is_slow


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        pytest.param("import no_such_module", "ModuleNotFoundError", id="missing-import"),
        pytest.param("def x(:", "SyntaxError", id="syntax-error"),
        pytest.param("1 / 0", "ZeroDivisionError", id="raises"),
        pytest.param("import sys; sys.exit(3)", "SystemExit: 3", id="exits"),
        pytest.param("class Odd(BaseException): pass\nraise Odd('x')", "Odd: x", id="odd"),
        pytest.param(GOOD + "\ngadfly_api = '>=9'", "needs plugin API >=9", id="api-too-new"),
        pytest.param(GOOD + "\ngadfly_api = '<1'", "needs plugin API <1", id="api-too-old"),
        pytest.param(GOOD + "\ngadfly_api = 'new'", "not a version range", id="api-nonsense"),
        pytest.param(
            "from gadfly import hookimpl\n@hookimpl\ndef register_critics(registrar): pass",
            "breaks the plugin contract",
            id="wrong-argument-name",
        ),
        pytest.param(
            "from gadfly import hookimpl\n@hookimpl\ndef register_critic(register): pass",
            "register_critic",
            id="no-such-hook",
        ),
        pytest.param(
            "from gadfly import hookimpl\n@hookimpl\n"
            "def register_critics(register):\n    register('a', list); register('a', list)",
            "registers 'bad/a' twice",
            id="a-name-twice",
        ),
        pytest.param(
            "from gadfly import hookimpl\n@hookimpl\n"
            "def register_critics(register):\n    register('a/b', list)",
            "'a/b': a name holds letters",
            id="a-name-with-a-slash",
        ),
        pytest.param(
            "from gadfly import hookimpl\n@hookimpl\n"
            "def register_tools(register):\n    register('a', 'text')",
            "not callable",
            id="no-factory",
        ),
        pytest.param(
            "from gadfly import hookimpl\n@hookimpl\n"
            "def register_tools(register):\n    raise OSError('no disk')",
            "OSError: no disk",
            id="registration-raises",
        ),
    ],
)
def test_a_bad_plugin_is_set_aside_by_name_and_the_rest_works(
    site: Path, source: str, problem: str
) -> None:
    install_plugin(site, "bad", source)
    install_plugin(site, "good", GOOD)
    plugins = found_in(site)

    bad = info(plugins, "bad")

    assert bad.status == "quarantined"
    assert problem in bad.problem
    assert "\n" not in bad.problem
    assert plugins.names("critics") == ("good/check",)
    with pytest.raises(PluginError, match="plugin 'bad' is quarantined: "):
        plugins.create("critics", "bad/check")


def test_an_import_that_never_ends_is_set_aside(site: Path) -> None:
    install_plugin(site, "slow", "import threading; threading.Event().wait()")
    install_plugin(site, "good", GOOD)
    plugins = found_in(site, load_seconds=0.2)

    slow = info(plugins, "slow")

    assert slow.status == "quarantined"
    assert "did not finish within 0.2 s" in slow.problem
    assert plugins.names("critics") == ("good/check",)


def test_a_plugin_that_was_refused_sees_no_events(site: Path) -> None:
    install_plugin(
        site,
        "bad",
        "from gadfly import hookimpl\nseen = []\n"
        "@hookimpl\ndef on_event(event): seen.append(event)\n"
        "@hookimpl\ndef register_critics(registrar): pass\n",
    )
    plugins = found_in(site)
    plugins.load_all()

    plugins.emit(Event(kind=EventKind.STARTED, run="r"))

    import gadfly_bad  # type: ignore[import-not-found] # written above

    assert gadfly_bad.seen == []


def test_a_failure_is_logged_once_with_the_plugins_name(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install_plugin(site, "bad", "1 / 0")
    plugins = found_in(site)

    with caplog.at_level(logging.WARNING, "gadfly"):
        plugins.load_all()
        plugins.load_all()

    assert [record.getMessage() for record in caplog.records] == [
        "plugin bad is set aside: it does not load: ZeroDivisionError: division by zero"
    ]


def test_the_distribution_called_like_the_plugin_owns_the_name(site: Path) -> None:
    install_plugin(site, "tool", GOOD)
    install_plugin(site, "tool", "1 / 0", distribution="squatter")
    plugins = found_in(site)

    by_distribution = {one.distribution: one for one in plugins.load_all()}

    assert by_distribution["gadfly-tool"].status == "loaded"
    assert by_distribution["squatter"].status == "quarantined"
    assert "claimed by gadfly-tool" in by_distribution["squatter"].problem
    assert plugins.create("critics", "tool/check")


def test_a_name_that_nobody_owns_is_refused_to_both(site: Path) -> None:
    install_plugin(site, "tool", GOOD, distribution="one")
    install_plugin(site, "tool", GOOD, distribution="two")
    plugins = found_in(site)

    assert {one.status for one in plugins.load_all()} == {"quarantined"}
    with pytest.raises(PluginError, match="also claimed by"):
        plugins.create("critics", "tool/check")


def test_disabling_one_of_two_claimants_settles_it(site: Path) -> None:
    install_plugin(site, "tool", GOOD, distribution="one")
    install_plugin(site, "tool", GOOD, distribution="two")

    plugins = found_in(site, disabled=["one"])

    assert plugins.names("critics") == ("tool/check",)
    assert {one.distribution: one.status for one in plugins.infos} == {
        "one": "disabled",
        "two": "loaded",
    }


def test_a_distribution_that_is_found_twice_on_the_path_is_no_conflict(
    site: Path, tmp_path: Path
) -> None:
    install_plugin(site, "good", GOOD)
    again = install_plugin(tmp_path / "again", "good", GOOD)
    points = [
        point
        for distribution in distributions(path=[str(site), str(again)])
        for point in distribution.entry_points
    ]

    plugins = Plugins(points)

    assert plugins.names("critics") == ("good/check",)


def test_two_names_for_one_module_are_no_second_plugin(site: Path) -> None:
    install_plugin(site, "good", GOOD, points={"good": "gadfly_good", "twin": "gadfly_good"})
    plugins = found_in(site)

    twin = info(plugins, "twin")

    assert twin.status == "quarantined"
    assert "already the plugin 'good'" in twin.problem
    assert plugins.names("critics") == ("good/check",)


def test_a_plugins_name_must_fit_into_an_id(site: Path) -> None:
    install_plugin(site, "x", GOOD, points={"a/b": "gadfly_x"})

    assert "only letters" in info(found_in(site), "a/b").problem


@pytest.mark.parametrize(
    ("value", "names"),
    [
        pytest.param(None, {"one", "two"}, id="not-set"),
        pytest.param("one", {"one"}, id="one"),
        pytest.param(" two , one,", {"one", "two"}, id="spaces-and-commas"),
        pytest.param("", set(), id="empty-means-none"),
        pytest.param("other", set(), id="not-installed"),
    ],
)
def test_the_environment_limits_the_set(
    site: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, names: set[str]
) -> None:
    install_plugin(site, "one", GOOD)
    install_plugin(site, "two", GOOD)
    if value is not None:
        monkeypatch.setenv("GADFLY_PLUGINS", value)

    plugins = Plugins.discover()

    assert {one.name for one in plugins.infos} & {"one", "two"} == names


def test_making_one_critic_imports_only_its_plugin(site: Path) -> None:
    install_plugin(site, "good", GOOD)
    install_plugin(site, "other", GOOD)
    plugins = found_in(site)

    plugins.create("critics", "good/check")

    assert {one.name: one.status for one in plugins.infos} == {
        "good": "loaded",
        "other": "available",
    }
    assert "gadfly_other" not in sys.modules


def test_finding_plugins_imports_none(site: Path) -> None:
    install_plugin(site, "bad", "raise RuntimeError")

    (one,) = found_in(site).infos

    assert (one.status, one.import_seconds, one.offers) == ("available", None, {})


def test_a_thing_that_bears_its_plugins_name_is_known_by_it_alone(site: Path) -> None:
    source = GOOD.replace('"check", factory', '"good", factory')
    install_plugin(site, "good", source)
    plugins = found_in(site)

    assert plugins.create("critics", "good") is not None


@pytest.mark.parametrize(
    ("asked", "nearest"), [("good/chek", "good/check"), ("check", "good/check")]
)
def test_an_unknown_name_is_refused_with_the_nearest(site: Path, asked: str, nearest: str) -> None:
    install_plugin(site, "good", GOOD)

    with pytest.raises(UnknownNameError, match=f"no critic named '{asked}'; nearest: {nearest}"):
        found_in(site).create("critics", asked)


def test_an_unknown_plugin_is_refused_with_the_nearest(site: Path) -> None:
    install_plugin(site, "good", GOOD)

    with pytest.raises(UnknownNameError, match="no plugin named 'god'; nearest: good"):
        found_in(site).load("god")


def test_an_option_that_a_factory_does_not_take_is_refused_by_name(site: Path) -> None:
    install_plugin(site, "good", GOOD)
    plugins = found_in(site)

    assert plugins.create("critics", "good/check", strict=True)
    with pytest.raises(InputError, match=r"good/check does not take these options: .*'srict'"):
        plugins.create("critics", "good/check", srict=True)


def test_a_type_error_inside_a_factory_is_not_taken_for_a_wrong_option(site: Path) -> None:
    source = GOOD.replace("        @critic", "        len(5)\n        @critic")
    install_plugin(site, "good", source)

    with pytest.raises(TypeError, match="has no len"):
        found_in(site).create("critics", "good/check")


OBSERVER = """
from gadfly import hookimpl
seen = []
@hookimpl
def on_event(event):
    seen.append(event)
"""


@pytest.mark.parametrize("body", ["raise RuntimeError('x')", "raise SystemExit(1)", "return 1 / 0"])
def test_an_observer_that_raises_is_logged_and_the_others_still_see(
    site: Path, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    install_plugin(
        site, "a", f"from gadfly import hookimpl\n@hookimpl\ndef on_event(event): {body}"
    )
    install_plugin(site, "b", OBSERVER)
    install_plugin(site, "c", OBSERVER)
    plugins = found_in(site)
    plugins.load_all()
    event = Event(kind=EventKind.STARTED, run="r")

    with caplog.at_level(logging.WARNING, "gadfly"):
        plugins.emit(event)

    assert "plugin a failed in on_event" in caplog.text
    for name in ("gadfly_b", "gadfly_c"):
        assert sys.modules[name].seen == [event]


def test_an_observer_may_leave_the_event_out(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = "from gadfly import hookimpl\nseen = []\n@hookimpl\ndef on_event(): seen.append(1)"
    install_plugin(site, "a", source)
    plugins = found_in(site)
    plugins.load_all()

    plugins.emit(Event(kind=EventKind.STARTED, run="r"))

    assert sys.modules["gadfly_a"].seen == [1]
    assert not caplog.records


MODELS = """
from gadfly import hookimpl
@hookimpl
def register_models(register):
    register("{provider}", lambda rest, **options: "fake:" + rest)
"""


def test_a_provider_is_known_by_its_bare_name(site: Path) -> None:
    install_plugin(site, "zoo", MODELS.format(provider="parrot"))
    plugins = found_in(site)

    assert plugins.provider("parrot") == "zoo/parrot"
    assert plugins.provider("owl") is None
    assert plugins.providers() == ("parrot",)


def test_a_provider_called_like_its_plugin_is_found_without_the_others(site: Path) -> None:
    install_plugin(site, "parrot", MODELS.format(provider="parrot"))
    install_plugin(site, "other", GOOD)
    plugins = found_in(site)

    assert plugins.provider("parrot") == "parrot/parrot"
    assert "gadfly_other" not in sys.modules


def test_a_provider_that_two_plugins_offer_is_refused(site: Path) -> None:
    install_plugin(site, "a", MODELS.format(provider="parrot"))
    install_plugin(site, "b", MODELS.format(provider="parrot"))

    with pytest.raises(PluginError, match="offered by a/parrot and b/parrot"):
        found_in(site).provider("parrot")


def test_an_installed_plugin_is_found_by_a_fresh_python(site: Path) -> None:
    install_plugin(site, "good", GOOD)
    script = "from gadfly import Plugins; print(Plugins.discover().load('good').status)"

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={"PYTHONPATH": str(site), "GADFLY_PLUGINS": "good"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "loaded\n"
