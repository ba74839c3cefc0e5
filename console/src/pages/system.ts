// System: the parts are looked at again and again, and records that were refused or late are counted and sent in again.

import "./every_page.js";
import { Fault, get } from "../api.js";
import { showFault } from "../away.js";
import { type Job, runJob } from "../jobs.js";
import { poll } from "../polling.js";
import { localTime, utcTime } from "../times.js";

const LOOK_MS = 5_000;
const STATES: Record<string, [string, string]> = {
  ready: ["Events are decided", "good"],
  catching_up: ["Old events are decided first; callers get the fallback", "warning"],
  not_ready: ["Events are not decided by their score", "danger"],
};

interface Ready {
  status: string;
  parts: Record<string, { ok: boolean; detail: string; since_ms: number }>;
}

/** What `/ready` says, which it does with a 503 too. */
async function ready(): Promise<Ready> {
  try {
    return (await get<Ready>("/ready")).body;
  } catch (error) {
    if (error instanceof Fault && error.status === 503 && "parts" in error.problem) return error.problem as unknown as Ready;
    throw error;
  }
}

function show(found: Ready): void {
  const status = document.getElementById("status");
  const [words, kind] = STATES[found.status] ?? [found.status, "warning"];
  if (status && status.textContent !== words) status.textContent = words;
  if (status) status.className = `badge ${kind}`;
  document.getElementById("looked")?.replaceChildren(timeOf(Date.now()));
  for (const row of document.querySelectorAll<HTMLElement>("[data-part]")) {
    const part = found.parts[row.dataset["part"] ?? ""];
    if (part) showPart(row, part);
  }
}

function showPart(row: HTMLElement, part: { ok: boolean; detail: string; since_ms: number }): void {
  const badge = row.querySelector<HTMLElement>("[data-state]");
  const changed = badge?.textContent !== (part.ok ? "well" : "not well");
  if (badge) {
    badge.textContent = part.ok ? "well" : "not well";
    badge.className = `badge ${part.ok ? "good" : "danger"}`;
  }
  const detail = row.querySelector("[data-detail]");
  if (detail && detail.textContent !== part.detail) detail.textContent = part.detail;
  row.querySelector("[data-since]")?.replaceChildren(timeOf(part.since_ms));
  const advice = row.querySelector("details");
  if (advice && changed) advice.open = !part.ok;
}

function timeOf(ms: number): HTMLTimeElement {
  const shown = document.createElement("time");
  const at = new Date(ms);
  shown.dateTime = at.toISOString();
  shown.textContent = localTime(at);
  shown.title = utcTime(at);
  return shown;
}

const place = document.getElementById("redrive");
const NAMES: Record<string, string> = { "dead-letters": "dead letters", late: "late events" };

async function redrive(topic: string, reason: string, isDry: boolean): Promise<void> {
  if (!place) return;
  const buttons = document.querySelectorAll<HTMLButtonElement>("#counting button");
  for (const each of buttons) each.disabled = true;
  try {
    showCounts(topic, await runJob("/v1/redrives", { topic, reason, dry_run: isDry }, place), isDry);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    showFault(error);
  } finally {
    for (const each of buttons) each.disabled = false;
  }
}

function showCounts(topic: string, job: Job, isDry: boolean): void {
  if (!place) return;
  if (job.state !== "done") {
    place.append(saying(job.problem?.detail ?? `The job was ${job.state}. What was sent before stays sent.`));
    return;
  }
  const result = job.result as { sent: Record<string, number>; left: Record<string, number> };
  const sent = Object.entries(result.sent);
  const count = sent.reduce((sum, [, each]) => sum + each, 0);
  const left = Object.entries(result.left);
  if (isDry && !count && !left.length) place.append(saying(`There are no ${NAMES[topic]}.`));
  else if (isDry) place.append(saying(`${count} ${NAMES[topic]} would be accepted now.`));
  else place.append(saying(`${count} ${count === 1 ? "record was" : "records were"} sent in again. The decisions are there within seconds.`));
  if (sent.length || left.length) place.append(tableOf(topic, sent, left, isDry));
}

function saying(words: string): HTMLElement {
  const said = document.createElement("p");
  const strong = document.createElement("strong");
  strong.textContent = words;
  said.append(strong);
  return said;
}

function tableOf(topic: string, sent: [string, number][], left: [string, number][], isDry: boolean): HTMLElement {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const word of ["Why it was refused", "Records", "Now"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = word;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const [reason, count] of sent) {
    const row = body.insertRow();
    row.insertCell().textContent = reason;
    row.insertCell().textContent = String(count);
    const cell = row.insertCell();
    if (isDry) cell.append(tryAgain(topic, reason));
    else cell.textContent = "sent in again";
  }
  for (const [reason, count] of left) {
    const row = body.insertRow();
    const [state, ...what] = reason.split(": ");
    row.insertCell().textContent = what.join(": ") || reason;
    row.insertCell().textContent = String(count);
    row.insertCell().textContent = what.length ? (state ?? "") : "cannot be read";
  }
  return table;
}

function tryAgain(topic: string, reason: string): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Try again";
  button.setAttribute("aria-label", `Try again: ${reason}`);
  button.addEventListener("click", () => void redrive(topic, reason, false));
  return button;
}

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-count]")) {
  button.addEventListener("click", () => void redrive(button.dataset["count"] ?? "", "", true));
}
poll(ready, LOOK_MS, show);
