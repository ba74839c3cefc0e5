"""Analysts work in the queue and on cases, in a real browser."""

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from seeded_console import SeededConsole

JOB_MS_MAX = 180_000
"""A job is a process of its own, which on a busy machine takes long to begin."""


def test_a_case_is_taken_decided_and_given_back_by_four_keys(page: Page, console: SeededConsole) -> None:
    page.goto(f"{console.address}/queue")
    page.keyboard.press("n")
    page.wait_for_url("**/cases/*")
    id = page.url.rpartition("/")[2]
    page.keyboard.press("1")
    if page.get_by_role("dialog").count():  # that of customers asks whether they were reached
        page.keyboard.press("y")
        page.keyboard.press("Enter")
    expect(page.locator("#decided")).to_contain_text("Decided as fraud: stolen card")
    case = console.system.client.cases.get(id)
    assert (case.state, case.verdict, case.closed_by) == ("closed", "fraud", "owner")
    page.keyboard.press("u")
    page.wait_for_load_state()
    console.system.wait_for(lambda: console.system.client.cases.get(id).state != "closed", "the case open again")


def test_what_a_verdict_asks_for_is_answered_by_one_key_and_given_by_enter(page: Page, console: SeededConsole) -> None:
    """Enter on a choice opens it in a browser by itself."""
    id = next(case.id for case in console.cases() if case.entity["kind"] == "customer_id")
    page.goto(f"{console.address}/cases/{id}")
    page.keyboard.press("1")
    expect(page.get_by_role("dialog").locator("select")).to_be_focused()
    page.keyboard.press("y")
    page.keyboard.press("Enter")
    expect(page.locator("#decided")).to_contain_text("Decided as fraud: stolen card")
    page.keyboard.press("u")
    console.system.wait_for(lambda: console.system.client.cases.get(id).state != "closed", "the case open again")


def test_who_changed_a_case_meanwhile_is_named_and_nothing_is_overwritten(page: Page, console: SeededConsole) -> None:
    id = console.cases()[0].id
    page.goto(f"{console.address}/cases/{id}")
    page.get_by_label("Note, kept with").fill("I have called her")
    console.system.client.cases.note(id, "a colleague was here")
    page.get_by_role("button", name="Note without a verdict").click()
    expect(page.get_by_role("alert")).to_contain_text("note by owner (a colleague was here)")
    assert page.get_by_label("Note, kept with").input_value() == "I have called her"
    page.get_by_role("button", name="Note without a verdict").click()
    expect(page.locator(".timeline").first).to_contain_text("I have called her")


def test_while_the_system_is_away_a_page_says_so_keeps_what_was_typed_and_goes_on_by_itself(page: Page, console: SeededConsole) -> None:
    id = console.cases()[0].id
    page.goto(f"{console.address}/cases/{id}")
    answers = iter([503, 0])

    def away(route: Route) -> None:
        status = next(answers, None)
        if status is None:
            route.continue_()
        elif status:
            route.fulfill(status=status, headers={"retry-after": "0"}, json={"detail": "a store does not answer"})
        else:
            route.abort()

    page.route("**/v1/cases/*/notes", away)
    page.get_by_label("Note, kept with").fill("typed while it was away")
    page.get_by_role("button", name="Note without a verdict").click()
    expect(page.locator("#away")).to_contain_text("What you did is kept")
    expect(page.locator(".timeline").first).to_contain_text("typed while it was away")
    assert page.locator("#away").count() == 0


@pytest.mark.parametrize("by", ["the stream", "asking now and then"])
def test_a_new_case_is_announced_and_no_row_moves(page: Page, console: SeededConsole, by: str) -> None:
    if by != "the stream":  # which else makes the page ask no more than once a minute
        page.route("**/v1/stream/cases", lambda route: route.abort())
    customer = f"customer-new-{by[:3]}"
    page.goto(f"{console.address}/queue")
    page.keyboard.press("j")
    rows = page.locator("#queue tbody tr")
    before = [row.get_attribute("data-case") for row in rows.all()]
    console.take_over(customer, 900.0, device="burner-9")
    expect(page.locator("#news")).to_contain_text("new in this part of the queue")
    assert [row.get_attribute("data-case") for row in rows.all()] == before
    assert page.locator("tr.here").get_attribute("data-case") == before[0]
    page.keyboard.press(".")
    expect(page.locator("#queue")).to_contain_text(customer)


def test_one_verdict_on_many_cases_says_what_came_of_each_and_can_be_undone(page: Page, console: SeededConsole) -> None:
    page.goto(f"{console.address}/queue?state=open&typology=terminal_attack")
    page.get_by_label("Select this page").check()
    page.get_by_role("button", name="Give one verdict").click()
    page.get_by_role("dialog").get_by_role("button", name="legitimate: known behaviour").click()
    page.get_by_role("button", name="Undo all").click(timeout=JOB_MS_MAX)
    expect(page.locator("#many")).to_contain_text("1 of 1 verdicts were taken back")


def test_what_a_role_may_not_do_is_not_offered(signed_in: BrowserContext, console: SeededConsole) -> None:
    with signed_in.browser.new_context() as context:  # type: ignore[union-attr]
        reader = context.new_page()
        reader.goto(console.link(console.token("rea", "reader")))
        reader.wait_for_url("**/queue")
        assert reader.get_by_role("button", name="Next case").count() == 0
        reader.goto(f"{console.address}/cases/{console.cases()[0].id}")
        assert reader.locator("#verdict").count() == 0
        expect(reader.get_by_role("heading", name="Why")).to_be_visible()
