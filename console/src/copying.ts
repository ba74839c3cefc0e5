// Copies a table as text with tabs, which spreadsheets take.

import { toast } from "./toast.js";

export function textOf(table: HTMLTableElement): string {
  return [...table.rows].map((row) => [...row.cells].map((cell) => cell.innerText.replace(/\s+/g, " ").trim()).join("\t")).join("\n");
}

/** Each button with `data-copies="<id of a table>"` copies that table. */
export function listenToCopying(root: ParentNode = document): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-copies]")) {
    button.addEventListener("click", () => {
      const table = document.getElementById(button.dataset["copies"] ?? "");
      if (table instanceof HTMLTableElement) void copy(textOf(table));
    });
  }
}

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch {
    toast("The browser does not let this page copy.", { isFault: true });
  }
}
