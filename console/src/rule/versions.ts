// Two versions of the text side by side.

import { Fault, get } from "../api.js";
import { openDialog } from "../dialog.js";
import { html, render, type Shown } from "../html.js";
import { toast } from "../toast.js";
import { pathOf, type Given } from "./given.js";

interface Row {
  left: string | null;
  right: string | null;
  kind: "same" | "changed" | "place";
}

export function listenToVersions(given: Given): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-compare]")) {
    button.addEventListener("click", () => void compare(given, given.hash, button.dataset["compare"] ?? ""));
  }
  const ticks = [...document.querySelectorAll<HTMLInputElement>('input[name="version"]')];
  const button = document.querySelector<HTMLButtonElement>("#compare");
  const ticked = (): string[] => ticks.filter((tick) => tick.checked).map((tick) => tick.value);
  for (const tick of ticks) {
    tick.addEventListener("change", () => {
      if (button) button.disabled = ticked().length !== 2;
    });
  }
  button?.addEventListener("click", () => {
    const [newer = "", older = ""] = ticked();
    void compare(given, older, newer);
  });
}

async function compare(given: Given, from: string, to: string): Promise<void> {
  try {
    const { body } = await get<{ diff: string }>(`${pathOf(given)}/diff?from=${from}&to=${to}`);
    const dialog = openDialog(`${from.slice(0, 12)} and ${to.slice(0, 12)}`, (place) => render(tableOf(body.diff), place));
    dialog.classList.add("wide-dialog");
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    toast(error.message, { isFault: true });
  }
}

function tableOf(diff: string): Shown {
  const rows = rowsOf(diff);
  if (!rows.length) return html`<p>Both texts are the same.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Differences"><table class="diff">
    <thead><tr><th scope="col">Older</th><th scope="col">Newer</th></tr></thead>
    <tbody>${rows.map((row) =>
      row.kind === "place"
        ? html`<tr><td colspan="2" class="subtle">${row.left}</td></tr>`
        : html`<tr><td class=${row.kind === "changed" && row.left !== null ? "taken" : ""}>${row.left ?? ""}</td><td class=${row.kind === "changed" && row.right !== null ? "added" : ""}>${row.right ?? ""}</td></tr>`,
    )}</tbody></table></div>`;
}

/** Lines of a unified diff beside each other: of a change, what was taken away stands beside what came. */
export function rowsOf(diff: string): Row[] {
  const rows: Row[] = [];
  let taken: string[] = [];
  let added: string[] = [];
  const flush = (): void => {
    for (let at = 0; at < Math.max(taken.length, added.length); at += 1) {
      rows.push({ left: taken[at] ?? null, right: added[at] ?? null, kind: "changed" });
    }
    taken = [];
    added = [];
  };
  for (const line of diff.split("\n").slice(2)) {
    if (line.startsWith("-")) taken.push(line.slice(1));
    else if (line.startsWith("+")) added.push(line.slice(1));
    else {
      flush();
      if (line.startsWith("@@")) rows.push({ left: line.replace(/@@ -(\d+).*/, "from line $1"), right: null, kind: "place" });
      else if (line) rows.push({ left: line.slice(1), right: line.slice(1), kind: "same" });
    }
  }
  flush();
  return rows;
}
