// The queue: rows by keys, what is new without moving a row, and one verdict on many cases.

import "./every_page.js";
import { Fault, get } from "../api.js";
import { showAway } from "../away.js";
import { follow } from "../changes.js";
import { giveMany } from "../many_verdicts.js";
import { type Case, type Choice, openNext } from "../cases.js";
import { onKey } from "../keyboard.js";
import { moveThrough } from "../rows.js";

document.getElementById("next")?.addEventListener("click", () => void openNext());
if (document.getElementById("next")) onKey("next", () => void openNext());
onKey("search", () => document.getElementById("search")?.focus(), "Filter by holder");

const table = document.querySelector<HTMLTableElement>("#queue");
if (table) {
  const { here } = moveThrough(table);
  renew(table);
  const bulk = document.getElementById("bulk");
  if (bulk) choose(table, bulk, here);
}

/** Writes into the rows what has changed of their cases, and says how many cases are new; only somebody's wish shows those. */
function renew(table: HTMLTableElement): void {
  const asks = table.dataset["asks"] ?? "";
  const rows = new Map([...(table.tBodies[0]?.rows ?? [])].map((row) => [row.dataset["case"] ?? "", row]));
  async function look(): Promise<void> {
    try {
      const { body } = await get<{ cases: Case[] }>(asks);
      showAway(null);
      take(body.cases);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      showAway(error.isPassing ? error : null);
    }
  }
  function take(cases: readonly Case[]): void {
    const there = new Set(cases.map(({ id }) => id));
    for (const [id, row] of rows) row.classList.toggle("gone", !there.has(id));
    let fresh = 0;
    for (const one of cases) {
      const row = rows.get(one.id);
      if (row) update(row, one);
      else fresh += 1;
    }
    announce(fresh);
  }
  if (table.dataset["first"] === "yes") follow("/v1/stream/cases", look);
}

function update(row: HTMLTableRowElement, one: Case): void {
  if (row.dataset["version"] === String(one.version)) return;
  row.dataset["version"] = String(one.version);
  const write = (field: string, text: string): void => {
    const cell = row.querySelector(`[data-field="${field}"]`);
    if (cell && cell.textContent !== text) cell.textContent = text;
  };
  write("holder", one.holder);
  write("state", one.state);
  write("events", String(one.events));
}

function announce(fresh: number): void {
  const place = document.getElementById("news");
  if (!place) return;
  if (!fresh) {
    place.replaceChildren();
    return;
  }
  const text = `${fresh} ${fresh === 1 ? "case is" : "cases are"} new in this part of the queue`;
  if (place.dataset["said"] === text && place.firstChild) return;
  place.dataset["said"] = text;
  const banner = document.createElement("div");
  banner.className = "banner news";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Show (.)";
  button.addEventListener("click", () => location.reload());
  banner.append(`${text}. `, button);
  place.replaceChildren(banner);
  onKey("show", () => location.reload());
}

/** Rows are selected by ticks or `x`; the cases may be more than those of this page. */
function choose(table: HTMLTableElement, bulk: HTMLElement, here: () => HTMLTableRowElement | null): void {
  const choices = JSON.parse(table.dataset["choices"] ?? "[]") as Choice[];
  const ticks = [...table.querySelectorAll<HTMLInputElement>('input[name="case"]')];
  const page = document.querySelector<HTMLInputElement>("#page");
  let all: string[] | null = null;
  const chosen = (): string[] => all ?? ticks.filter(({ checked }) => checked).map(({ value }) => value);
  const show = (): void => {
    const count = chosen().length;
    bulk.hidden = count === 0;
    const said = document.getElementById("chosen");
    if (said) said.textContent = `${count} ${count === 1 ? "case" : "cases"} selected`;
  };
  const tick = (isChecked: boolean): void => {
    all = null;
    for (const each of ticks) each.checked = isChecked;
    show();
  };
  for (const each of ticks) {
    each.addEventListener("change", () => {
      all = null;
      show();
    });
  }
  page?.addEventListener("change", () => tick(page.checked));
  onKey("select", () => here()?.querySelector<HTMLInputElement>('input[name="case"]')?.click());
  document.getElementById("none")?.addEventListener("click", () => tick(false));
  document.getElementById("all")?.addEventListener("click", () => void allOf(table.dataset["asks"] ?? "").then((ids) => {
    for (const each of ticks) each.checked = true;
    all = ids;
    show();
  }));
  document.getElementById("decide")?.addEventListener("click", () => giveMany(chosen(), choices));
}

const MANY_MAX = 10_000;

/** The ids of all cases that the filters leave, page by page. */
async function allOf(asks: string): Promise<string[]> {
  const found: string[] = [];
  let cursor = "";
  do {
    const { body } = await get<{ cases: Case[]; next: string | null }>(`${asks}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    found.push(...body.cases.map(({ id }) => id));
    cursor = body.next ?? "";
  } while (cursor && found.length < MANY_MAX);
  return found.slice(0, MANY_MAX);
}
