// Moves through the rows of a table by keys. The row that is looked at is the one that has the focus, or had it last.

import { onKey } from "./keyboard.js";

/** Lets `j`, `k` and `Enter` move through the rows of `table` and open them; a row's link is its first one. */
export function moveThrough(table: HTMLTableElement): { here: () => HTMLTableRowElement | null } {
  const rows = (): HTMLTableRowElement[] => [...(table.tBodies[0]?.rows ?? [])];
  const here = (): HTMLTableRowElement | null => rows().find((row) => row.classList.contains("here")) ?? null;
  const go = (step: number): void => {
    const all = rows();
    const at = all.findIndex((row) => row.classList.contains("here"));
    const to = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)];
    linkOf(to)?.focus();
    to?.scrollIntoView({ block: "nearest" });
  };
  table.addEventListener("focusin", (event) => {
    const row = (event.target as HTMLElement).closest("tr");
    for (const each of rows()) each.classList.toggle("here", each === row);
  });
  onKey("down", () => go(1));
  onKey("up", () => go(-1));
  onKey("open", () => linkOf(here() ?? undefined)?.click());
  return { here };
}

function linkOf(row: HTMLTableRowElement | undefined): HTMLAnchorElement | null {
  return row?.querySelector("a") ?? null;
}
