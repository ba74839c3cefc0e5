"""Rules in a real browser: one is written, tested, tried, approved by somebody else, let loose, and taken back."""

from axe_rules import faults_of_axe
from held_kinds import HELD
from playwright.sync_api import Browser, Page, expect
from seeded_console import SeededConsole

PATIENCE_MS = 240_000
"""The process that tries definitions gives way to all others, and takes a while to start."""
HOSTILE = "<img src=x onerror=alert(1)>\u202eevil</script><script>alert(2)</script>"
RULE = f"""title: {HOSTILE!r}
owner: team
severity: high
status: shadow
when: event.amount > 500.0 && event.amount < 100000.0
then: {{action: review}}
tests:
  - name: a large one
    events: [{{payment_id: 1, at: 0s, customer_id: c, terminal_id: t, device_id: d, currency: EUR, merchant_category: online, amount: 600}}]
    expect: {{matches: 1}}
"""


def write(page: Page, text: str) -> None:
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def say(page: Page, verb: str) -> None:
    page.locator(f"#moves [data-verb={verb}]").click()
    page.get_by_label("Why, for the audit log").fill("because")
    with page.expect_navigation():
        page.get_by_role("dialog").locator("button.primary").click()


def test_a_rule_is_written_tested_tried_approved_by_another_let_loose_by_steps_and_rolled_back(
    browser: Browser, console: SeededConsole
) -> None:
    with browser.new_context() as ours, browser.new_context() as theirs:
        author, approver = ours.new_page(), theirs.new_page()
        seen: list[str] = []
        author.on("dialog", lambda dialog: seen.append(dialog.message))
        author.goto(console.link(console.token("ann", "author")))
        author.goto(f"{console.address}/rules")
        author.get_by_role("button", name="New rule").click()
        author.get_by_role("textbox", name="Id").fill("large_payment")
        author.keyboard.press("Enter")
        author.wait_for_url("**/rules/large_payment")
        expect(author.locator(".cm-content")).to_be_focused()
        write(author, RULE.replace("event.amount >", "event.amuont >"))
        expect(author.locator("#checked")).to_contain_text("did you mean event.amount?", timeout=PATIENCE_MS)
        expect(author.locator("#save")).to_be_disabled()
        write(author, RULE.replace("500.0", "700.0"))
        expect(author.locator("#tests")).to_contain_text("expected 1 match, got 0", timeout=PATIENCE_MS)
        write(author, RULE)
        expect(author.locator("#tests-count")).to_have_text("1 of 1 pass", timeout=PATIENCE_MS)
        author.locator("#save").click()
        expect(author.locator("h1")).to_contain_text("evil", timeout=PATIENCE_MS)
        expect(author.locator("#moves")).not_to_contain_text("Activate")
        author.get_by_role("button", name="Backtest").click()
        expect(author.locator("#backtest")).to_contain_text("as tried", timeout=PATIENCE_MS)

        approver.goto(console.link(console.token("bob", "approver")))
        approver.goto(f"{console.address}/rules/large_payment")
        assert approver.locator("#save").count() == 0
        say(approver, "approve")
        say(approver, "canary")
        expect(approver.locator(".head .badge").first).to_have_text("canary for 5 %")
        say(approver, "activate")
        expect(approver.locator(".head .badge").first).to_have_text("active")
        assert console.pay("somebody-new", 650.0) == "review"

        author.reload()
        write(author, RULE.replace("500.0", "600.0"))
        expect(author.locator("#save")).to_be_enabled(timeout=PATIENCE_MS)
        author.locator("#save").click()
        expect(author.locator("#versions tbody tr")).to_have_count(2, timeout=PATIENCE_MS)
        approver.reload()
        if approver.locator(".banner [data-verb=approve]").count():
            approver.locator(".banner [data-verb=approve]").click()
            with approver.expect_navigation():
                approver.get_by_role("dialog").locator("button.primary").click()
        approver.locator("[data-verb=roll_back]").click()
        with approver.expect_navigation():
            approver.get_by_role("dialog").locator("button.primary").click()
        expect(approver.locator("#editor")).to_contain_text("500.0")
        assert faults_of_axe(author) == []
        assert seen == []


def test_a_backtest_that_does_not_end_by_itself_is_cancelled(page: Page, console: SeededConsole) -> None:
    held, jobs = console.system.settings.path(HELD), console.system.client.jobs
    held.touch()
    page.goto(f"{console.address}/rules/velocity")
    page.get_by_role("button", name="Backtest").click()
    running = console.system.wait_for(lambda: jobs.page(states=["running"]).jobs, "a backtest that runs")[0]
    page.locator("#backtest").get_by_role("button", name="Cancel").click()
    expect(page.locator("#backtest")).to_contain_text("It was cancelled", timeout=PATIENCE_MS)
    assert jobs.get(running.id).state == "cancelled"
    held.unlink()
    expect(page.get_by_role("button", name="Backtest")).to_be_enabled()


def test_a_list_takes_values_gives_them_up_shows_hostile_ones_as_text_and_is_replaced_by_a_file(page: Page, console: SeededConsole) -> None:
    page.goto(f"{console.address}/lists/blocked_devices")
    rows = page.locator("#entries tbody tr")
    before = rows.count()
    page.get_by_label("Values, one on each line").fill("phone-1\n<script>alert(3)</script>")
    page.get_by_label("Why").fill(HOSTILE)
    with page.expect_navigation():
        page.get_by_role("button", name="Add").click()
    expect(rows).to_have_count(before + 2)
    assert faults_of_axe(page) == []
    page.get_by_role("button", name="Remove phone-1").click()
    page.get_by_label("Why, for the audit log").fill("a mistake")
    page.get_by_role("dialog").get_by_role("button", name="Remove from the list").click()
    expect(rows).to_have_count(before + 1)
    page.get_by_role("button", name="Upload a file").click()
    file = page.get_by_role("dialog").get_by_label("File", exact=True)
    file.set_input_files({"name": "devices.txt", "mimeType": "text/plain", "buffer": b"# of March\nphone-7\nphone-8\n"})
    with page.expect_navigation():
        page.get_by_role("button", name="Replace all entries").click()
    expect(rows).to_have_count(2)
