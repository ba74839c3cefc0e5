// The steps of a rule's life: each asks why, and what else it needs, before it is taken.

import { call } from "../api.js";
import { askFor } from "../asking.js";
import { html } from "../html.js";
import { pathOf, type Given } from "./given.js";

const TITLES: Record<string, string> = {
  shadow: "Let it watch, and decide nothing",
  canary: "Let it act for a share of the entities",
  activate: "Let it act for all",
  pause: "Stop it",
  retire: "End it for good",
  approve: "Approve this text",
  roll_back: "Go back to this text",
};

export function listenToMoves(given: Given): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-verb]")) {
    const { verb = "", hash = "" } = button.dataset;
    const send = async (said: Record<string, unknown>): Promise<void> => {
      await call("POST", `${pathOf(given)}:${verb}`, { ...said, ...(hash ? { hash } : {}) });
      location.reload();
    };
    const share = { field: shareField(), read: (form: FormData) => ({ share: Number(form.get("share")) / 100 }) };
    button.addEventListener("click", () => askFor(TITLES[verb] ?? verb, send, verb === "canary" ? share : {}));
  }
}

function shareField(): ReturnType<typeof html> {
  return html`<label class="field"><span>Percent of the entities, always the same ones</span><input type="number" name="share" min="0.1" max="100" step="0.1" value="5" required /></label>`;
}
