// Tries the text in the editor on archived events, as a job: it can be watched, cancelled, and found again later.

import { Fault, call, get, patiently } from "../api.js";
import { html, render, signal, type Shown } from "../html.js";
import { toast } from "../toast.js";
import { showFigures, type Figures } from "./figures.js";
import type { Given } from "./given.js";

interface Job {
  id: string;
  kind: string;
  state: string;
  parameters: { versions?: Record<string, string>; from?: number | null; to?: number | null };
  asked_at_ms: number;
  progress: { done: number; total: number | null; unit: string };
  problem: { detail?: string } | null;
}

const LOOK_MS = 1_000;
const UNFINISHED = ["queued", "running"];
const job = signal<Job | null>(null);
const waits = signal(false);

/** Shows the newest backtest of the rule, and begins others; `text` gives what is to be tried. */
export async function listenToBacktests(given: Given, text: () => string, explain: (eventId: string) => void): Promise<void> {
  const place = document.getElementById("backtest");
  if (!place) return;
  const asked = document.createElement("div");
  const result = document.createElement("div");
  place.replaceChildren(asked, result);
  const show = (): void => render(formOf(begin, cancel), asked);
  job.subscribe(show);
  waits.subscribe(show);
  async function begin(form: FormData): Promise<void> {
    const tried = text() === given.text && given.hash ? { versions: { [given.id]: given.hash } } : { patterns: { [given.id]: text() } };
    result.replaceChildren();
    try {
      const { body } = await call<Job>("POST", "/v1/patterns:backtest", { ...tried, from: timeOf(form, "from"), to: timeOf(form, "to") });
      await follow(body);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      toast(error.message, { isFault: true });
    }
  }
  async function follow(begun: Job): Promise<void> {
    job.value = begun;
    while (job.value && UNFINISHED.includes(job.value.state)) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      job.value = (await patiently(() => get<Job>(`/v1/jobs/${begun.id}`), (fault) => (waits.value = fault !== null))).body;
    }
    if (job.value?.state === "done") {
      const { body } = await patiently(() => get<Figures>(`/v1/jobs/${begun.id}/result`), (fault) => (waits.value = fault !== null));
      showFigures(result, body, given.id, explain);
    }
  }
  function cancel(): void {
    const running = job.value;
    if (running) void call("POST", `/v1/jobs/${running.id}:cancel`).catch((error: Error) => toast(error.message, { isFault: true }));
  }
  show();
  const earlier = await get<{ jobs: Job[] }>("/v1/jobs?limit=50").catch(() => null);
  const newest = earlier?.body.jobs.find((each) => each.kind === "backtest" && given.id in (each.parameters.versions ?? {}));
  if (newest && !job.value) await follow(newest);
}

function timeOf(form: FormData, name: string): string | null {
  const given = String(form.get(name) ?? "");
  return given ? new Date(given).toISOString() : null;
}

function formOf(begin: (form: FormData) => Promise<void>, cancel: () => void): Shown {
  const now = job.value;
  const isRunning = now !== null && UNFINISHED.includes(now.state);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    void begin(new FormData(event.currentTarget as HTMLFormElement));
  };
  return html`<form class="row" onSubmit=${submit}>
      <label class="field"><span>From</span><input type="datetime-local" name="from" /></label>
      <label class="field"><span>To</span><input type="datetime-local" name="to" /></label>
      <button class="primary" disabled=${isRunning}>Backtest</button>
      ${isRunning && html`<button type="button" class="danger" onClick=${cancel}>Cancel</button>`}
      <span role="status" class="subtle">${now ? saidOf(now) : "Leave both empty for all events that are archived."}${waits.value ? " The system does not answer; this goes on by itself." : ""}</span>
    </form>
    ${isRunning && now.progress.total ? html`<progress max=${now.progress.total} value=${now.progress.done} aria-label="Events that were decided"></progress>` : null}`;
}

function saidOf(now: Job): string {
  const { done, total, unit } = now.progress;
  if (now.state === "queued") return "It waits for its turn.";
  if (now.state === "running") return `${done.toLocaleString()}${total ? ` of ${total.toLocaleString()}` : ""} ${unit}`;
  if (now.state === "failed") return `It failed: ${now.problem?.detail ?? "nobody knows why"}`;
  if (now.state === "cancelled") return "It was cancelled; there are no figures of a part of the events.";
  return now.state === "expired" ? "The result of the last one is gone; run it again." : "Done.";
}
