"""Live: decisions of the stream by batches, and the figures of the last hour."""

from playwright.sync_api import Page, expect
from seeded_console import SeededConsole

MANY = 5_000
MINUTES = [
    {"time": minute * 60_000, "dimensions": {"action": "<b>"}, "count": 60, "latency_ms_mean": 2.0, "latency_ms_max": 9.0}
    for minute in (20_000_000, 20_000_001)
]
FAKE = """
window.EventSource = class extends EventTarget {
  static CLOSED = 2;
  constructor() { super(); window.source = this; queueMicrotask(() => this.dispatchEvent(new Event("open"))); }
  send(name, data) { this.dispatchEvent(new MessageEvent(name, {data})); }
};
"""
FLOOD = """many => {
  window.drawn = 0;
  new MutationObserver(() => window.drawn++).observe(document.getElementById("decisions"), {childList: true, subtree: true});
  const user = `<img src=x onerror="document.title='broken'">\\u202e` + "A".repeat(10_000);
  for (let i = 0; i < many; i++) {
    window.source.send("decision", JSON.stringify({event_id: `e${i}`, user, action: "review", score: 0.5, latency_ms: 2}));
  }
  window.source.send("decision", "{damaged");
  window.source.send("lagged", '{"dropped": 7}');
}"""


def test_a_decision_that_is_made_now_appears_by_itself(page: Page, console: SeededConsole) -> None:
    page.goto(f"{console.address}/live")
    expect(page.locator("#stream")).to_have_text("The stream is open")
    console.pay("somebody-live", 12.0)
    expect(page.locator("#decisions")).to_contain_text("somebody-live")
    expect(page.locator("#score-bands tbody tr").first).to_be_visible()


def test_however_many_decisions_come_the_page_is_drawn_once_a_batch_and_stays_bounded(page: Page, console: SeededConsole) -> None:
    page.clock.install()
    page.add_init_script(FAKE)
    page.route("**/v1/metrics/query?granularity=minute*", lambda route: route.fulfill(json={"groups": MINUTES}))
    page.goto(f"{console.address}/live")
    expect(page.locator("#stream")).to_have_text("The stream is open")
    page.evaluate(FLOOD, MANY)
    page.clock.run_for(250)
    expect(page.locator("#decisions tbody tr")).to_have_count(30)
    expect(page.locator("#decisions tbody tr").first).to_contain_text(f"e{MANY - 1}")
    assert page.evaluate("window.drawn") == 1
    expect(page.locator("#now")).to_contain_text("Not shown, for they came too fast")
    expect(page.locator("#rate-plot canvas")).to_be_visible()
    page.get_by_text("Decisions a second as a table").click()
    expect(page.locator("#rate-plot details tr")).to_have_count(3)
    assert page.title() == "Live · Weir"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.get_by_role("button", name="Hold the rows").click()
    page.evaluate("window.source.send('decision', JSON.stringify({event_id: 'later', user: 'u', action: 'block'}))")
    page.clock.run_for(500)
    expect(page.locator("#decisions")).not_to_contain_text("later")
