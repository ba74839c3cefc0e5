"""Who runs the system sees what became of messages to receivers, and sends them again."""

from playwright.sync_api import Page
from remembering_receivers import RememberingReceiver
from seeded_console import SeededConsole

from api.webhooks.webhook_shapes import NewWebhook


def test_a_test_message_is_sent_seen_and_sent_again(page: Page, console: SeededConsole) -> None:
    with RememberingReceiver() as receiver:
        webhook = console.system.client.webhooks.make(NewWebhook(receiver.url, "<b>the pager</b>", types=["webhook.test"]))
        page.goto(f"{console.address}/deliveries")
        assert "<b>the pager</b>" in page.locator("tr", has_text="the pager").inner_text()
        page.get_by_role("button", name="Send a test").click()
        client = console.system.client.webhooks
        console.system.wait_for(lambda: client.deliveries(webhook.id, ["delivered"]).deliveries, "a message")
        page.goto(f"{console.address}/deliveries?webhook={webhook.id}&state=delivered")
        page.get_by_role("link", name="webhook.test").click()
        page.get_by_role("button", name="Send again").click()
        console.system.wait_for(lambda: len(receiver.taken) > 1, "the message again")
        assert receiver.taken[0][0]["webhook-id"] == receiver.taken[1][0]["webhook-id"]
        console.system.client.webhooks.remove(webhook.id)


def test_what_a_role_may_not_do_is_not_offered(page: Page, console: SeededConsole) -> None:
    with page.context.browser.new_context() as context:  # type: ignore[union-attr]  # a page of the fixture has a browser
        other = context.new_page()
        other.goto(console.link(console.token("ana", "analyst")))
        other.wait_for_url("**/queue")
        assert "Audit" not in other.get_by_role("navigation").inner_text()
        assert other.goto(f"{console.address}/audit").status == 403  # type: ignore[union-attr]  # it answers
