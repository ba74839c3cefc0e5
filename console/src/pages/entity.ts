// An entity: its scores as a plot, and what people say of it: facts, lists and notes.

import "./every_page.js";
import { call, Fault } from "../api.js";
import { openDialog } from "../dialog.js";
import { onKey } from "../keyboard.js";
import { draw } from "../plot.js";
import { moveThrough } from "../rows.js";
import { toast } from "../toast.js";

const entity = document.getElementById("entity");
const path = entity?.dataset["path"] ?? "";
const id = entity?.dataset["id"] ?? "";
const SPANS: [string, number][] = [["for a day", 1], ["for a week", 7], ["for 30 days", 30], ["for a year", 365], ["without an end", 0]];
const DAY_MS = 86_400_000;

function drawScores(): void {
  const place = document.getElementById("plot");
  const rows = [...document.querySelectorAll<HTMLElement>("#decisions-table tr[data-score]")].filter((row) => row.dataset["score"] && row.dataset["at"]);
  if (!place || rows.length < 2) return;
  const points = rows.map((row) => [Number(row.dataset["at"]) / 1_000, Number(row.dataset["score"])] as const).sort(([one], [other]) => one - other);
  const times = points.map(([at]) => at);
  draw(place, { title: "Score over time", unit: "score", times, lines: [{ label: "Score", colour: "--accent", values: points.map(([, score]) => score) }] });
}

/** Does `act`, and shows the page anew; says what was refused, and leaves what was typed. */
async function change(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
    location.reload();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    toast(error.message, { isFault: true });
  }
}

/** Asks for a value, for how long, and why; gives them to `act`. */
function ask(title: string, value: HTMLElement | null, act: (ends: number | null, reason: string) => Promise<unknown>): void {
  openDialog(title, (body) => {
    const form = document.createElement("form");
    form.className = "grid";
    const ends = choiceOf(SPANS.map(([words]) => words));
    ends.value = "for a week";
    const reason = document.createElement("input");
    reason.type = "text";
    reason.maxLength = 200;
    const button = document.createElement("button");
    button.className = "primary";
    button.textContent = "Save";
    form.append(...(value ? [labelled("Value", value)] : []), labelled("How long", ends), labelled("Why", reason), button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const days = SPANS.find(([words]) => words === ends.value)?.[1] ?? 0;
      void change(() => act(days ? Date.now() + days * DAY_MS : null, reason.value.trim()));
    });
    body.append(form);
  });
}

function labelled(words: string, field: HTMLElement): HTMLElement {
  const label = document.createElement("label");
  label.className = "field";
  const shown = document.createElement("span");
  shown.textContent = words;
  label.append(shown, field);
  return label;
}

function choiceOf(words: readonly string[]): HTMLSelectElement {
  const choice = document.createElement("select");
  choice.append(...words.map((each) => new Option(each, each)));
  return choice;
}

function setFact(row: HTMLElement): void {
  const { fact = "", type = "", values = "" } = row.dataset;
  const field = type === "number" ? document.createElement("input") : choiceOf(type === "boolean" ? ["true", "false"] : values.split("\n"));
  if (field instanceof HTMLInputElement) {
    field.type = "number";
    field.step = "any";
    field.required = true;
  }
  const value = (): unknown => (type === "number" ? Number(field.value) : type === "boolean" ? field.value === "true" : field.value);
  const told = `${path}/facts/${encodeURIComponent(fact)}`;
  ask(`Say ${fact}`, field, (expires, reason) => call("PUT", told, { value: value(), reason, ...(expires ? { expires } : {}) }));
}

function edit(list: string, body: unknown): Promise<unknown> {
  return call("POST", `/v1/lists/${encodeURIComponent(list)}:edit`, body);
}

for (const row of document.querySelectorAll<HTMLElement>("[data-fact]")) {
  const name = row.dataset["fact"] ?? "";
  row.querySelector("[data-set]")?.addEventListener("click", () => setFact(row));
  row.querySelector("[data-end]")?.addEventListener("click", () => void change(() => call("DELETE", `${path}/facts/${encodeURIComponent(name)}`)));
}
for (const row of document.querySelectorAll<HTMLElement>("[data-list]")) {
  const name = row.dataset["list"] ?? "";
  row.querySelector("[data-remove]")?.addEventListener("click", () => void change(() => edit(name, { remove: [id] })));
  row.querySelector("[data-add]")?.addEventListener("click", () => {
    ask(`Put on ${name}`, null, (expires, reason) => edit(name, { add: [{ value: id, reason, ...(expires ? { expires } : {}) }] }));
  });
}
for (const note of document.querySelectorAll<HTMLElement>("[data-note]")) {
  note.querySelector("[data-forget]")?.addEventListener("click", () => void change(() => call("DELETE", `${path}/notes/${note.dataset["note"]}`)));
}
const form = document.querySelector<HTMLFormElement>("#note");
const text = form?.querySelector("textarea");
if (form && text) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void change(() => call("POST", `${path}/notes`, { text: text.value }));
  });
  onKey("write", () => text.focus());
}
const table = document.querySelector<HTMLTableElement>("#decisions-table");
if (table) moveThrough(table);
drawScores();
