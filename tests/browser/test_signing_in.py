"""People sign in and out in a real browser."""

from playwright.sync_api import Browser, Page
from seeded_console import SeededConsole

from deploy.local.solo_in_process import TOKEN


def test_a_link_signs_in_once_and_signing_out_ends_the_session_on_the_server(browser: Browser, console: SeededConsole) -> None:
    link = console.link()
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(link)
        page.wait_for_url("**/queue")
        assert page.title() == "Queue · Weir"
        [session] = [each for each in context.cookies() if "session" in each["name"]]
        assert (session["httpOnly"], session["sameSite"]) == (True, "Lax")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/sign-in")
        context.add_cookies([session])
        page.goto(f"{console.address}/queue")
        assert "/sign-in?back=/queue" in page.url
        page.goto(link)
        page.get_by_role("alert").wait_for()
        assert "used already" in page.get_by_role("alert").inner_text()


def test_a_token_signs_in_and_leads_to_the_page_that_was_asked_for(browser: Browser, console: SeededConsole) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{console.address}/queue?state=closed")
        page.get_by_label("API token").fill("no-such-token-anywhere")
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        page.goto(f"{console.address}/queue?state=closed")
        page.get_by_label("API token").fill(TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_url("**/queue?state=closed")


def test_the_keys_are_shown_and_can_be_switched_off(page: Page, console: SeededConsole) -> None:
    page.goto(f"{console.address}/queue")
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_text("Go to Queue").wait_for()
    page.get_by_label("Single keys do something").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.locator("tr.here").count() == 0
    page.locator("#help").click()
    page.get_by_label("Single keys do something").check()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.locator("tr.here").count() == 1
