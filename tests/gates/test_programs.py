"""The tests pick the lightest browser that is installed and skip where there is none."""

import pytest

from tests import programs

HEADLESS, FULL = "chromium-headless-shell", "chromium"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that makes a machine with these programs alone."""

    def install(*names):
        for name in names:
            (tmp_path / name).write_text("")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(programs, "SYSTEM_FOLDERS", "")
        monkeypatch.delenv("CI", raising=False)

    return install


@pytest.mark.parametrize(
    ("installed", "found"), [((HEADLESS, FULL), HEADLESS), ((HEADLESS,), HEADLESS), ((FULL,), FULL)]
)
def test_the_lightest_installed_browser_is_used(install, tmp_path, installed, found):
    install(*installed)
    assert programs.browser() == str(tmp_path / found)


def test_a_machine_without_a_browser_skips_in_one_line(install):
    install()
    with pytest.raises(pytest.skip.Exception, match=r"^chromium is not here: .*$"):
        programs.browser()


def test_ci_fails_without_a_browser(install, monkeypatch):
    install()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="chromium is not here"):
        programs.browser()
