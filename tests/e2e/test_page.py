"""The page of ``make run`` in a real Chromium, as a person uses it."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import urllib3
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.support.local_server import Server, serving
from tests.support.sessions import AGENT_ID, USER_ID
from tests.support.tables import skip_or_fail

SESSIONS = "/api/messaging/sessions"
HOSTILE = {
    "note": "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
}
ALONE = {"Connection": "close"}
"""A connection that waits for the next test may be closed when that begins."""

EXPIRED = "SessionExpired"

REFUSED = "Failed to load resource: the server responded with a status of 4"
"""What Chromium itself says in the console of each answer of 4xx."""

expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    executable = shutil.which("chromium")
    if executable is None:
        skip_or_fail("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose sessions may be short, and are deleted once they have expired."""
    with serving(MIN_TIMEOUT_MINUTES="1", RETENTION_HOURS="0") as running:
        yield running


@dataclass
class Visit:
    """A page that was opened, and what went wrong on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not text.startswith(REFUSED):
            self.complaints.append(text)

    def row(self, session_id: str) -> Locator:
        """The row of a session."""
        heading = self.page.get_by_role("heading", name=session_id, exact=True)
        return self.page.get_by_role("listitem").filter(has=heading)

    def press(self, action: str, session_id: str) -> None:
        """Click on a session's button."""
        self.page.get_by_role("button", name=f"{action} {session_id}", exact=True).click()

    def tab_to(self, name: str) -> None:
        """Go on by the keyboard alone to what has this name."""
        wanted = self.page.get_by_label(name, exact=True).or_(
            self.page.get_by_role("button", name=name, exact=True)
        )
        for _ in range(200):
            self.page.keyboard.press("Tab")
            if wanted.evaluate("element => element === document.activeElement"):
                return
        pytest.fail(f"the Tab key does not lead to {name}")

    def answer(self) -> str:
        """The body of the last answer, once it is there."""
        expect(self.page.locator("#answer")).not_to_have_text("…")
        return self.page.locator("#answer").inner_text()


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """The page in a window of its own, with the demo sessions."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        visit = Visit(context.new_page())
        visit.page.goto(f"{server.url}/")
        expect(visit.row("demo-live")).to_be_visible()
        yield visit


def create(server: Server, minutes: int = 30, metadata: object = None) -> str:
    """A session of this timeout, created by another client."""
    body = {
        "agentId": AGENT_ID,
        "userId": USER_ID,
        "metadata": metadata,
        "timeoutConfig": {"timeoutMinutes": minutes, "warningThresholdMinutes": 1},
    }
    answer = urllib3.request("POST", server.url + SESSIONS, json=body, headers=ALONE)
    session_id: str = answer.json()["sessionId"]
    return session_id


def stored(server: Server, session_id: str) -> dict[str, object]:
    """The session as the API answers it."""
    info: dict[str, object] = urllib3.request("GET", f"{server.url}{SESSIONS}/{session_id}").json()
    return info


def test_the_form_creates_a_session_with_what_was_typed(visit: Visit, server: Server) -> None:
    form = visit.page.get_by_role("form", name="Create a session")
    form.get_by_label("Timeout").fill("7")
    form.get_by_label("Warning").fill("2")
    form.get_by_label("Maximum").fill("9")
    form.get_by_label("Metadata").fill('{"n": 1}')
    form.get_by_label("autoRenew").uncheck()
    form.get_by_role("button", name="Create").click()
    expect(visit.page.locator("#answer-status")).to_contain_text("201 Created")
    session_id = json.loads(visit.answer())["sessionId"]

    expect(visit.row(session_id)).to_contain_text("autoRenew off")
    info = stored(server, session_id)
    assert info["metadata"] == {"n": 1}
    assert info["timeoutConfig"] == {
        "timeoutMinutes": 7,
        "autoRenew": False,
        "maxDurationMinutes": 9,
        "warningThresholdMinutes": 2,
    }


def test_a_renewal_and_a_heartbeat_are_counted_and_shown(visit: Visit, server: Server) -> None:
    session_id = create(server)
    visit.press("Renew", session_id)
    expect(visit.row(session_id).locator(".renewals")).to_have_text("1")
    visit.press("Heartbeat", session_id)
    expect(visit.row(session_id).locator(".renewals")).to_have_text("2")
    assert json.loads(visit.answer()) == {
        **stored(server, session_id),
        "timeRemaining": json.loads(visit.answer())["timeRemaining"],
    }


def test_a_change_of_the_timeout_shortens_what_is_left(visit: Visit, server: Server) -> None:
    session_id = create(server, minutes=30)
    visit.press("Change…", session_id)
    dialog = visit.page.get_by_role("dialog")
    dialog.get_by_label("Timeout").fill("3")
    dialog.get_by_role("button", name="Change").click()
    expect(visit.row(session_id).locator(".left")).to_have_text(re.compile("0[23]:.."))


def test_a_deleted_session_is_not_shown_any_more(visit: Visit, server: Server) -> None:
    session_id = create(server)
    visit.press("Delete", session_id)
    expect(visit.row(session_id)).to_have_count(0)
    assert "error" in stored(server, session_id)


def test_all_calls_can_be_made_by_the_keyboard_alone(visit: Visit) -> None:
    page = visit.page
    visit.tab_to("Timeout, min")
    page.keyboard.type("8")
    page.keyboard.press("Enter")
    expect(page.locator("#answer-status")).to_contain_text("201")
    session_id = json.loads(visit.answer())["sessionId"]
    expect(visit.row(session_id)).to_be_visible()

    visit.tab_to(f"Renew {session_id}")
    page.keyboard.press("Enter")
    expect(visit.row(session_id).locator(".renewals")).to_have_text("1")
    visit.tab_to(f"Heartbeat {session_id}")
    page.keyboard.press("Space")
    expect(visit.row(session_id).locator(".renewals")).to_have_text("2")
    visit.tab_to(f"Change… {session_id}")
    page.keyboard.press("Enter")
    page.keyboard.type("6")
    page.keyboard.press("Enter")
    expect(visit.row(session_id).locator(".timeout")).to_have_text("6 min")
    visit.tab_to(f"Delete {session_id}")
    page.keyboard.press("Enter")
    expect(visit.row(session_id)).to_have_count(0)
    assert page.evaluate("document.activeElement.className") == "id"  # of the next session


def test_the_focus_can_be_seen(visit: Visit) -> None:
    visit.tab_to("Renew demo-live")
    outline = visit.page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"


def test_a_refusal_is_shown_as_the_api_words_it(visit: Visit, server: Server) -> None:
    visit.press("Renew", "demo-at-maximum")
    expect(visit.page.locator("#answer-status")).to_contain_text("422")
    assert json.loads(visit.answer()) == server.renew("demo-at-maximum", **ALONE).json()


def test_metadata_that_is_no_json_is_for_the_api_to_judge(visit: Visit) -> None:
    visit.page.get_by_label("Metadata").fill("{")
    visit.page.get_by_role("button", name="Create").click()
    expect(visit.page.locator("#answer-status")).to_contain_text("400")
    assert json.loads(visit.answer())["error"]["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("metadata", ['{"channel": "web"}', '{"a": "it\'s $HOME `id` \\"!\\""}'])
def test_the_curl_line_does_the_same_in_a_shell(visit: Visit, metadata: str) -> None:
    visit.page.get_by_label("Metadata").fill(metadata)
    visit.page.get_by_role("button", name="Create").click()
    expect(visit.page.locator("#answer-status")).to_contain_text("201")
    line = visit.page.locator("#curl").inner_text()
    printed = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout

    assert printed.startswith("HTTP/1.1 201 ")
    created = json.loads(printed.partition("\n\n")[2])
    assert created["metadata"] == json.loads(metadata) == json.loads(visit.answer())["metadata"]
    expect(visit.row(created["sessionId"])).to_be_visible()


def test_the_curl_line_can_be_copied(visit: Visit, server: Server) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    visit.press("Renew", "demo-live")
    visit.page.get_by_role("button", name="Copy").click()
    expect(visit.page.get_by_role("button", name="Copied")).to_be_visible()
    copied = visit.page.evaluate("navigator.clipboard.readText()")
    assert copied == f"curl -i -X POST {server.url}{SESSIONS}/demo-live/renew"


def test_what_another_client_changes_is_shown_at_once(visit: Visit, server: Server) -> None:
    session_id = create(server)
    expect(visit.row(session_id)).to_be_visible(timeout=3000)
    server.renew(session_id, **ALONE)
    expect(visit.row(session_id).locator(".renewals")).to_have_text("1", timeout=3000)
    urllib3.request("DELETE", f"{server.url}{SESSIONS}/{session_id}")
    expect(visit.row(session_id)).to_have_count(0, timeout=3000)


def test_the_bar_runs_out_by_the_servers_clock(visit: Visit, server: Server) -> None:
    session_id = create(server, minutes=2)
    bar = visit.row(session_id).locator(".bar")
    shown = "bar => new DOMMatrix(getComputedStyle(bar.querySelector('.fill')).transform).m41"
    visit.page.wait_for_timeout(1500)  # it has grown to its length by then
    before, width = bar.evaluate(shown), bar.evaluate("bar => bar.clientWidth")
    visit.page.wait_for_timeout(3000)
    after = bar.evaluate(shown)
    left = stored(server, session_id)["timeRemaining"]
    assert isinstance(left, int)

    assert before > after
    assert after / width == pytest.approx(left / 120_000, abs=0.02)


def test_a_wrong_clock_of_the_browser_changes_nothing(browser: Browser, server: Server) -> None:
    session_id = create(server, minutes=10)
    with browser.new_context() as context:
        context.add_init_script("const real = Date.now; Date.now = () => real() + 3_600_000")
        visit = Visit(context.new_page())
        visit.page.goto(f"{server.url}/")
        expect(visit.row(session_id).locator(".left")).to_have_text(re.compile("09:[45].|10:00"))


def test_the_warning_and_the_maximum_are_marked(visit: Visit, server: Server) -> None:
    session_id = create(server, minutes=4)
    tick, bar = (visit.row(session_id).locator(name).bounding_box() for name in (".tick", ".bar"))
    assert tick is not None
    assert bar is not None
    assert tick["width"] == pytest.approx(bar["width"] / 4, abs=2)
    expect(visit.row("demo-near-maximum").locator(".state")).to_have_text("in warning")
    beyond = visit.row("demo-near-maximum").locator(".beyond").bounding_box()
    assert beyond is not None
    assert bar["x"] < beyond["x"] < bar["x"] + bar["width"]  # it is ten minutes off, of thirty
    far = visit.row("demo-live").locator(".beyond").bounding_box()
    assert far is not None
    assert far["x"] > bar["x"] + bar["width"]


def test_an_event_appears_as_it_comes_and_whole(browser: Browser) -> None:
    with serving() as server, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{server.url}/")
        expect(page.locator("#connection")).to_have_text("Connected")
        event = page.locator(".event").filter(has_text=EXPIRED).filter(has_text="demo-leaving")
        expect(event).to_be_visible()
        expect(page.locator("#expired-count")).not_to_have_text("0")
        expect(page.locator("#event-news")).to_contain_text("SessionExpired: demo-leaving")
        event.locator("summary").click()
        expect(event.locator("pre")).to_contain_text("expiredAt")  # it is written when it opens
        assert json.loads(event.locator("pre").inner_text())["detail"]["expiredAt"]

        late = context.new_page()
        late.goto(f"{server.url}/")
        expect(late.locator(".event").filter(has_text="demo-leaving").first).to_be_visible()


def test_a_session_that_expires_is_announced_in_its_row(visit: Visit, server: Server) -> None:
    session_id = create(server, minutes=1)
    row = visit.row(session_id)
    expect(row.locator(".state")).to_have_text("in warning")
    expect(row.locator(".state")).to_have_text("expired, and announced", timeout=80_000)
    expect(visit.page.locator(".event").filter(has_text=session_id)).to_contain_text(EXPIRED)
    expect(row).to_have_count(0, timeout=30_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_needs_no_sideways_scrolling(
    browser: Browser, server: Server, scheme: str
) -> None:
    create(server, metadata={"text": "x" * 5000})
    dark = scheme == "dark"
    with browser.new_context(
        viewport={"width": 360, "height": 640}, color_scheme="dark" if dark else "light"
    ) as context:
        visit = Visit(context.new_page())
        visit.page.goto(f"{server.url}/")
        expect(visit.row("demo-live")).to_be_visible()
        visit.press("Renew", "demo-live")
        visit.page.locator("#call summary").click()
        expect(visit.page.locator("#answer")).to_be_visible()
        assert visit.page.evaluate("document.documentElement.scrollWidth") == 360
        shade = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, re.findall(r"\d+", shade))) < 80) == dark


def test_metadata_stays_text_whatever_it_is(visit: Visit, server: Server) -> None:
    session_id = create(server, metadata=HOSTILE)
    expect(visit.row(session_id).locator(".metadata")).to_have_text(
        json.dumps(HOSTILE, separators=(",", ":"))
    )
    visit.press("Renew", session_id)
    assert json.loads(visit.answer())["metadata"] == HOSTILE
    assert visit.page.locator("#sessions img, #call img, #events img").count() == 0
    assert visit.page.title() == "Sessions"


def test_nothing_is_asked_of_others_and_nothing_complained_of(visit: Visit, server: Server) -> None:
    session_id = create(server, metadata=HOSTILE)
    visit.press("Renew", session_id)
    visit.press("Renew", "demo-at-maximum")
    visit.press("Heartbeat", session_id)
    visit.press("Delete", session_id)
    expect(visit.row(session_id)).to_have_count(0)
    assert visit.complaints == []
    assert visit.hosts == {server.url.removeprefix("http://")}


def test_hundreds_of_sessions_are_counted_and_some_of_them_drawn(
    browser: Browser,
) -> None:
    with serving() as server, browser.new_context() as context:
        for _ in range(230):
            last = create(server)
        visit = Visit(context.new_page())
        visit.page.goto(f"{server.url}/")
        expect(visit.page.locator("#live-count")).to_have_text("233", timeout=90_000)
        expect(visit.page.locator("#sessions > li")).to_have_count(200)
        expect(visit.page.locator("#bound")).to_have_text("The first 200 of 233 are drawn.")
        expect(visit.row(last)).to_be_visible()
        visit.page.get_by_label("Find").fill("demo-live")
        expect(visit.page.locator("#sessions > li")).to_have_count(1)


def test_a_key_is_asked_for_and_never_shown(browser: Browser) -> None:
    key = "a-key-that-is-not-shown"
    with serving(API_KEYS=key) as server, browser.new_context() as context:
        visit = Visit(context.new_page())
        visit.page.goto(f"{server.url}/")
        expect(visit.page.locator("#connection")).to_have_text("The server needs an API key")
        visit.page.get_by_label("API key").fill("wrong")
        visit.page.get_by_role("button", name="Use it").click()
        expect(visit.page.locator("#connection")).to_have_text("The server does not know this key")
        visit.page.get_by_label("API key").fill(key)
        visit.page.get_by_role("button", name="Use it").click()
        visit.press("Renew", "demo-live")
        expect(visit.page.locator("#answer-status")).to_contain_text("200 OK")
        line = visit.page.locator("#curl").inner_text()
        assert '-H "X-API-KEY: $API_KEY"' in line
        assert key not in visit.page.content()
        environment = {**os.environ, "API_KEY": key}
        pasted = subprocess.run(
            ["sh", "-c", line], capture_output=True, text=True, check=True, env=environment
        )
        assert pasted.stdout.startswith("HTTP/1.1 200 ")
        expect(visit.row("demo-live").locator(".renewals")).to_have_text("2")


def test_a_server_that_stops_is_noticed_and_found_again(browser: Browser) -> None:
    with browser.new_context() as context:
        visit = Visit(context.new_page())
        with serving() as first:
            port = first.url.rpartition(":")[2]
            visit.page.goto(f"{first.url}/")
            expect(visit.page.locator("#connection")).to_have_text("Connected")
            of_the_first = create(first)
            expect(visit.row(of_the_first)).to_be_visible()
            first.stop()
        expect(visit.page.locator("#connection")).to_contain_text("The server does not answer")
        visit.press("Renew", of_the_first)
        expect(visit.page.locator("#answer")).to_contain_text("does not answer")
        with serving(PORT=port):
            expect(visit.page.locator("#connection")).to_have_text("Connected")
            expect(visit.row(of_the_first)).to_have_count(0)
            expect(visit.row("demo-live")).to_be_visible()
