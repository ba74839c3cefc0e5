// One verdict on many cases: a job of the system, with what came of each case, and a way back within the minute.

import { call, get, patiently } from "./api.js";
import { bannerOf, showAway } from "./away.js";
import { type Choice, type Values, askInputs, refuse, wordsOf } from "./cases.js";
import { openDialog } from "./dialog.js";

interface Job {
  id: string;
  state: string;
  progress: { done: number; total: number };
}

interface Item {
  case: string;
  verdict: string;
  problem: string;
}

const LOOK_MS = 500;
const ENDED = new Set(["done", "failed", "cancelled", "expired"]);

/** Asks which verdict, and gives it. */
export function giveMany(cases: readonly string[], choices: readonly Choice[]): void {
  openDialog(`One verdict on ${cases.length} ${cases.length === 1 ? "case" : "cases"}`, (body, close) => {
    const text = document.createElement("textarea");
    text.maxLength = 2_000;
    const label = document.createElement("label");
    label.className = "field";
    const words = document.createElement("span");
    words.textContent = "What is said with each";
    label.append(words, text);
    body.append(label);
    for (const choice of choices) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `${choice.verdict}: ${wordsOf(choice)}`;
      button.addEventListener("click", () => {
        close();
        askInputs(choice, (inputs) => void run(cases, choice, inputs, text.value).catch(refuse));
      });
      body.append(button);
    }
  });
}

async function run(cases: readonly string[], choice: Choice, inputs: Values, text: string): Promise<void> {
  const asked = { cases, verdict: choice.verdict, reason: choice.reason, inputs, close: true, text };
  let job = (await call<Job>("POST", "/v1/cases:verdicts", asked)).body;
  const told = bannerOf("many", "news");
  while (!ENDED.has(job.state)) {
    told.replaceChildren(`${job.progress.done} of ${job.progress.total || cases.length} cases are decided.`, cancelling(job));
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    job = (await patiently(() => get<Job>(`/v1/jobs/${job.id}`), showAway)).body;
  }
  if (job.state === "done") report(told, await itemsOf(job));
  else told.replaceChildren(`The work has ended: ${job.state}.`);
}

function cancelling(job: Job): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Stop";
  button.addEventListener("click", () => void call("POST", `/v1/jobs/${job.id}:cancel`).catch(refuse));
  return button;
}

async function itemsOf(job: Job): Promise<Item[]> {
  const answer = await fetch(`/v1/jobs/${job.id}/result`, { credentials: "same-origin" });
  const lines = (await answer.text()).split("\n").filter((line) => line !== "");
  return lines.map((line) => ({ verdict: "", problem: "", ...(JSON.parse(line) as Partial<Item>) }) as Item);
}

function report(told: HTMLElement, items: readonly Item[]): void {
  const given = items.filter(({ verdict }) => verdict !== "");
  const refused = items.filter(({ verdict }) => verdict === "");
  told.replaceChildren(`${given.length} cases are decided${refused.length ? `, ${refused.length} were refused` : ""}. `);
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Undo all";
  button.addEventListener("click", () => void undo(told, given));
  if (given.length) told.append(button);
  if (refused.length) told.append(listOf(refused));
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "Show the queue";
  told.append(" ", link);
}

function listOf(refused: readonly Item[]): HTMLElement {
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = "Why cases were refused";
  const list = document.createElement("ul");
  for (const item of refused) {
    const line = document.createElement("li");
    const link = document.createElement("a");
    link.href = `/cases/${item.case}`;
    link.textContent = item.case;
    line.append(link, ` ${item.problem}`);
    list.append(line);
  }
  details.append(summary, list);
  return details;
}

async function undo(told: HTMLElement, given: readonly Item[]): Promise<void> {
  let undone = 0;
  for (const item of given) {
    try {
      await call("POST", `/v1/cases/${item.case}/verdicts/${item.verdict}:undo`, {});
      undone += 1;
    } catch {
      continue; // it was undone already, or its minute is over; the count says how many were
    }
    told.replaceChildren(`${undone} of ${given.length} verdicts are taken back.`);
  }
  told.replaceChildren(`${undone} of ${given.length} verdicts were taken back${undone < given.length ? "; the minute of the others is over" : ""}.`);
}
