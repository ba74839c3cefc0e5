// Checks the text while it is written, and runs its tests: a while after the last key, and never twice at once.

import { Fault, call } from "../api.js";
import { html, render, type Shown } from "../html.js";
import type { Editor, Mark } from "./editor.js";
import type { Given } from "./given.js";

interface RuleTest {
  name: string;
  line: number;
  passed: boolean;
  problem: string;
}

interface Tested {
  tests: RuleTest[];
  cost_ns: number;
  cost_ns_max: number;
  state_bytes: number;
  warnings: string[];
}

interface Refused {
  what?: string;
  where?: string;
  expected?: string;
  got?: string;
  remedy?: string;
  detail?: string;
}

const AFTER_MS = 350;
const PLACE = /:(\d+):(\d+)/;

export interface Checking {
  /** Says that the text has changed. */
  changed: () => void;
}

/** Checks what the editor holds; `onChecked` is told whether the text may be stored. */
export function checkWhileWriting(given: Given, editor: () => Editor, onChecked: (isGood: boolean) => void): Checking {
  let timer = 0;
  let isRunning = false;
  let isWanted = false;
  const run = async (): Promise<void> => {
    if (isRunning) {
      isWanted = true;
      return;
    }
    isRunning = true;
    say("checking …");
    const text = editor().text();
    let retryMs = 0;
    try {
      const { body } = await call<Tested>("POST", "/v1/patterns:test", { id: given.id, text });
      showTested(body, editor());
      onChecked(true);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (error.isPassing) retryMs = Math.max(error.retryAfterMs, 2_000);
      showRefused(error, editor());
      onChecked(error.isPassing);
    } finally {
      isRunning = false;
      if (isWanted || retryMs) timer = window.setTimeout(() => void run(), retryMs);
      isWanted = false;
    }
  };
  return {
    changed: () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => void run(), AFTER_MS);
    },
  };
}

function showTested(tested: Tested, editor: Editor): void {
  const failed = tested.tests.filter((test) => !test.passed);
  const cost = `costs at most ${tested.cost_ns.toLocaleString()} ns an event${tested.state_bytes ? ` and ${tested.state_bytes} bytes a key` : ""}`;
  say(`compiles; ${cost}`, "good");
  editor.mark([
    ...failed.map((test): Mark => ({ line: test.line, column: 1, severity: "warning", message: `${test.name}: ${test.problem}` })),
    ...tested.warnings.map((warning) => markOf(warning, warning, "warning")),
  ]);
  const count = document.getElementById("tests-count");
  if (count) count.textContent = tested.tests.length ? `${tested.tests.length - failed.length} of ${tested.tests.length} pass` : "";
  const place = document.getElementById("tests");
  if (place) render(tableOf(tested, editor), emptied(place));
}

/** Takes away what the server wrote, once; what was rendered here stays, so that it is changed and not made anew. */
function emptied(place: HTMLElement): HTMLElement {
  if (!place.dataset["rendered"]) place.replaceChildren();
  place.dataset["rendered"] = "yes";
  return place;
}

function tableOf(tested: Tested, editor: Editor): Shown {
  if (!tested.tests.length) {
    return html`<div class="empty"><strong>The rule has no test.</strong><span>Write events under “tests:” and how often they match: one that does, and one that just does not.</span></div>`;
  }
  return html`<table>
    <thead><tr><th scope="col" class="narrow">Gave</th><th scope="col">Test</th><th scope="col">What came</th></tr></thead>
    <tbody>${tested.tests.map(
      (test) => html`<tr>
        <td><span class=${`badge ${test.passed ? "good" : "danger"}`}>${test.passed ? "passes" : "fails"}</span></td>
        <td><button type="button" class="link" onClick=${() => editor.goTo(test.line)}><bdi>${test.name}</bdi></button></td>
        <td>${test.problem || "as expected"}</td>
      </tr>`,
    )}</tbody>
  </table>`;
}

function showRefused(fault: Fault, editor: Editor): void {
  if (fault.isPassing) {
    say("the system does not answer; this text is checked again by itself", "warning");
    return;
  }
  const problem = fault.problem as Refused;
  const message = problem.what ? `${problem.what}: expected ${problem.expected}, got ${problem.got}${problem.remedy ? `; ${problem.remedy}` : ""}` : fault.message;
  const mark = markOf(problem.where ?? "", message, "error");
  say(`line ${mark.line}: ${message}`, "danger");
  editor.mark([mark]);
}

function markOf(where: string, message: string, severity: Mark["severity"]): Mark {
  const found = PLACE.exec(where);
  return { line: Number(found?.[1] ?? 1), column: Number(found?.[2] ?? 1), severity, message };
}

function say(text: string, kind = ""): void {
  const place = document.getElementById("checked");
  if (!place) return;
  place.textContent = text;
  place.className = kind ? `under said ${kind}` : "under subtle";
}
