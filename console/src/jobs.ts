// Long work as a job: it is begun, its progress is shown, and it can be cancelled.

import { call, get, patiently } from "./api.js";
import { showAway } from "./away.js";

export interface Job {
  id: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled" | "expired";
  progress: { done: number; total: number; unit: string };
  result: Record<string, unknown> | null;
  problem: { detail?: string } | null;
}

const LOOK_MS = 500;

/** Begins a job by `POST path`, shows it in `place` until it has ended, and gives it then. */
export async function runJob(path: string, parameters: unknown, place: HTMLElement): Promise<Job> {
  const key = { "idempotency-key": crypto.randomUUID() };
  let job = (await patiently(() => call<Job>("POST", path, parameters, key), showAway)).body;
  const shown = progressIn(place, () => void call("POST", `/v1/jobs/${job.id}:cancel`).catch(() => undefined));
  while (job.state === "queued" || job.state === "running") {
    shown(job);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    job = (await patiently(() => get<Job>(`/v1/jobs/${job.id}`), showAway)).body;
  }
  place.replaceChildren();
  return job;
}

function progressIn(place: HTMLElement, cancel: () => void): (job: Job) => void {
  const words = document.createElement("span");
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", "How much is done");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Cancel";
  button.addEventListener("click", () => {
    button.disabled = true;
    cancel();
  });
  const row = document.createElement("div");
  row.className = "row";
  row.append(bar, words, button);
  place.replaceChildren(row);
  return ({ state, progress }) => {
    if (progress.total) {
      bar.max = progress.total;
      bar.value = progress.done;
    }
    words.textContent = state === "queued" ? "It waits for the worker." : `${progress.done} of ${progress.total || "?"} ${progress.unit}`;
  };
}
