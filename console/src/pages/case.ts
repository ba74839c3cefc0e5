// A case: a verdict by one key, claims, snoozes and notes. Whoever changed the case meanwhile is named before anything is overwritten.

import "./every_page.js";
import { Fault, type Problem, call, patiently } from "../api.js";
import { bannerOf, showAway } from "../away.js";
import { type Case, type Choice, type Values, askInputs, openNext, refuse, wordsOf } from "../cases.js";
import { openDialog } from "../dialog.js";
import { keepDraft } from "../drafts.js";
import { CHOICES, onKey } from "../keyboard.js";
import { toast } from "../toast.js";

interface Given {
  verdicts: { id: string }[];
  case: Case;
}

const HOURS = [1, 8, 24, 72];
const HOUR_MS = 3_600_000;

document.getElementById("next")?.addEventListener("click", () => void openNext());
if (document.getElementById("next")) onKey("next", () => void openNext());
onKey("back", () => history.back(), "Back");

const panel = document.getElementById("verdict");
if (panel) work(panel);

function work(panel: HTMLElement): void {
  const path = `/v1/cases/${panel.dataset["case"] ?? ""}`;
  let version = panel.dataset["version"] ?? "";
  let isBusy = false;
  const text = document.querySelector<HTMLTextAreaElement>("#text");
  const forget = text ? keepDraft(text, path) : (): void => {};
  const choices = JSON.parse(panel.dataset["choices"] ?? "[]") as Choice[];

  /** One change of the case at the version that is shown; gives null where it was not made. */
  async function change<Shape>(verb: string, body: unknown): Promise<Shape | null> {
    if (isBusy) return null;
    isBusy = true;
    panel.setAttribute("aria-busy", "true");
    try {
      return (await patiently(() => call<Shape>("POST", path + verb, body, { "if-match": `"${version}"` }), showAway)).body;
    } catch (error) {
      if (error instanceof Fault && error.status === 412) tellChanges(error.problem);
      else refuse(error);
      return null;
    } finally {
      isBusy = false;
      panel.removeAttribute("aria-busy");
    }
  }

  function tellChanges(problem: Problem): void {
    const told = bannerOf("fault", "warning");
    told.setAttribute("role", "alert");
    const said = (problem.changes ?? []).map((one) => `${one.what.replaceAll("_", " ")} by ${one.by || "the system"}${one.text ? ` (${one.text.slice(0, 80)})` : ""}`);
    const look = document.createElement("a");
    look.href = location.pathname;
    look.textContent = "Look at it";
    told.append(`Somebody changed this case meanwhile: ${said.join(", ") || "see the timeline"}. Nothing of yours was given; what you typed is kept. `, look, ", or give it again.");
    if (problem.version !== undefined) version = String(problem.version);
  }

  async function give(choice: Choice, inputs: Values): Promise<void> {
    const given = await change<Given>("/verdicts", { verdict: choice.verdict, reason: choice.reason, inputs, close: true, text: text?.value ?? "" });
    if (!given) return;
    forget();
    version = String(given.case.version);
    const words = `${choice.verdict}: ${wordsOf(choice)}`;
    const shown = document.getElementById("given");
    if (shown) shown.textContent = `Given: ${words}`;
    const undo = (): void => void undoAll(given.verdicts.map(({ id }) => id));
    onKey("undo", undo, "Undo the verdict");
    const told = bannerOf("decided", "news");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Undo (u)";
    button.addEventListener("click", undo);
    const next = document.createElement("button");
    next.type = "button";
    next.className = "primary";
    next.textContent = "Next (n)";
    next.addEventListener("click", () => void openNext());
    told.append(`Decided as ${words}. The case is closed.`, button, next);
    told.scrollIntoView({ block: "nearest" });
  }

  async function undoAll(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const undone = await change<Given>(`/verdicts/${id}:undo`, {});
      if (!undone) return;
      version = String(undone.case.version);
    }
    toast("The verdict was taken back.");
    location.reload();
  }

  async function after(verb: string, body: unknown, words: string): Promise<void> {
    if ((await change<Case>(verb, body)) === null) return;
    toast(words);
    location.reload();
  }

  for (const button of panel.querySelectorAll<HTMLButtonElement>("[data-choice]")) {
    const choice = choices[Number(button.dataset["choice"])];
    if (!choice) continue;
    const run = (): void => askInputs(choice, (values) => void give(choice, values));
    button.addEventListener("click", run);
    const key = CHOICES[Number(choice.key) - 1];
    if (key) onKey(key, run, `${choice.verdict}: ${wordsOf(choice)}`);
  }
  const claim = (): void => void after(":claim", {}, "The case is yours.");
  document.getElementById("claim")?.addEventListener("click", claim);
  onKey("assign", claim);
  const snooze = (): void => askSnooze((hours) => void after(":snooze", { until_ms: Date.now() + hours * HOUR_MS, text: text?.value ?? "" }, "The case sleeps."));
  document.getElementById("snooze")?.addEventListener("click", snooze);
  onKey("snooze", snooze);
  onKey("write", () => text?.focus());
  document.getElementById("note")?.addEventListener("click", () => {
    if (!text?.value.trim()) {
      text?.focus();
      return;
    }
    const written = text.value;
    void change<Case>("/notes", { text: written }).then((noted) => {
      if (noted === null) return;
      forget();
      location.reload();
    });
  });
}

function askSnooze(give: (hours: number) => void): void {
  openDialog("Snooze", (body, close) => {
    for (const hours of HOURS) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = hours < 24 ? `For ${hours} ${hours === 1 ? "hour" : "hours"}` : `For ${hours / 24} ${hours === 24 ? "day" : "days"}`;
      button.addEventListener("click", () => {
        close();
        give(hours);
      });
      body.append(button);
    }
  });
}
