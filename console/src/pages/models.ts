// Models: a challenger is promoted, and a promotion is rolled back. Both ask why, and a promotion says what is still needed.

import "./every_page.js";
import { call } from "../api.js";
import { askFor } from "../asking.js";

for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-verb]")) {
  const { verb = "", model = "" } = button.dataset;
  const title = verb === "promote" ? `Let ${model} decide` : `Let the model before decide in ${model}`;
  button.addEventListener("click", () => askFor(title, (said) => tell(`/v1/models/${encodeURIComponent(model)}:${verb}`, said)));
}

async function tell(path: string, said: Record<string, unknown>): Promise<void> {
  await call("POST", path, said);
  location.reload();
}
