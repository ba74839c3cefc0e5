// Why the rule matched an event, or did not: each condition with the values that it looked at.

import { Fault, get } from "../api.js";
import { html, render, type Shown } from "../html.js";
import { localTime } from "../times.js";
import { pathOf, type Given } from "./given.js";

interface Condition {
  condition: string;
  truth: string;
  predicates: { predicate: string; truth: string; values: Record<string, unknown> }[];
}

interface Step {
  step: string;
  needs?: string;
  found: number;
  events: { event_id: string | null; time: number; when: Condition }[];
  when: Condition | null;
}

interface Why {
  matched: boolean | null;
  said: string[];
  when: Condition | null;
  sequence: { key: string; said: string; steps: Step[] } | null;
  exceptions: { owner: string; reason: string; expired: boolean; when: Condition }[];
  unknown: Record<string, string>;
}

const KINDS: Record<string, string> = { true: "good", false: "danger", missing: "warning", error: "danger", skipped: "warning" };

/** Lets the form explain; gives what explains an event that is named elsewhere on the page. */
export function listenToWhy(given: Given): (eventId: string) => void {
  const place = document.getElementById("why");
  const form = place?.querySelector("form");
  const answer = place?.querySelector<HTMLElement>("[data-answer]");
  const input = form?.querySelector("input");
  if (!place || !form || !answer || !input) return () => undefined;
  const explain = async (): Promise<void> => {
    render(html`<p class="subtle">looking …</p>`, answer);
    try {
      const { body } = await get<Why>(`${pathOf(given)}:why?event_id=${encodeURIComponent(input.value.trim())}`);
      render(explained(body), answer);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      render(html`<p class="said danger">${error.message}</p>`, answer);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void explain();
  });
  return (eventId) => {
    input.value = eventId;
    place.scrollIntoView({ block: "center" });
    void explain();
  };
}

function explained(why: Why): Shown {
  const matched = why.matched === null ? ["not known any more", "warning"] : why.matched ? ["matched", "good"] : ["did not match", "danger"];
  return html`<div class="stack">
    <p><span class=${`badge ${matched[1]}`}>${matched[0]}</span> ${why.said.join(" ")}</p>
    ${why.when && conditionOf(why.when)}
    ${why.sequence && html`<p>${why.sequence.key}: ${why.sequence.said}</p>${why.sequence.steps.map(stepOf)}`}
    ${why.exceptions.map((each) => html`<p>Exception of <bdi>${each.owner}</bdi>: <bdi>${each.reason}</bdi>${each.expired ? " (expired)" : ""}</p>${conditionOf(each.when)}`)}
    ${Object.entries(why.unknown).map(([name, reason]) => html`<p class="subtle"><code>${name}</code> ${reason}</p>`)}
  </div>`;
}

function stepOf(step: Step): Shown {
  return html`<p><strong>${step.step}</strong> took ${step.found}${step.needs ? ` of ${step.needs}` : ""}</p>
    ${step.events.map((each) => html`<p class="subtle">event <bdi>${each.event_id ?? "that is not kept any more"}</bdi>, ${localTime(new Date(each.time))}</p>${conditionOf(each.when)}`)}
    ${step.when && html`<p class="subtle">this event</p>${conditionOf(step.when)}`}`;
}

function conditionOf(condition: Condition): Shown {
  return html`<div class="scroll"><table>
    <thead><tr><th scope="col">Condition</th><th scope="col">Values</th><th scope="col" class="narrow">Is</th></tr></thead>
    <tbody>${condition.predicates.map(
      (each) => html`<tr><td><code>${each.predicate}</code></td><td>${Object.entries(each.values).map(([name, value]) => html`<div><code>${name}</code> = <bdi>${shown(value)}</bdi></div>`)}</td>
        <td><span class=${`badge ${KINDS[each.truth] ?? ""}`}>${each.truth}</span></td></tr>`,
    )}</tbody></table></div>`;
}

function shown(value: unknown): string {
  return value === null ? "missing" : typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value).slice(0, 300);
}
