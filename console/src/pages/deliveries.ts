// Deliveries: rows by keys, and a test message to a receiver.

import "./every_page.js";
import { call } from "../api.js";
import { moveThrough } from "../rows.js";
import { doing } from "../doing.js";

const table = document.querySelector<HTMLTableElement>("#deliveries");
if (table) moveThrough(table);
for (const button of document.querySelectorAll<HTMLButtonElement>("[data-test]")) {
  const webhook = button.closest<HTMLElement>("[data-webhook]")?.dataset["webhook"] ?? "";
  doing(button, "A test is on its way; reload to see what became of it.", () => call("POST", `/v1/webhooks/${encodeURIComponent(webhook)}:test`));
}
