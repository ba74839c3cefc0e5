// The figures of a backtest: in short, by day, and with the events that speak for and against it.

import { html, render, type Shown } from "../html.js";
import { draw } from "../plot.js";
import { localTime } from "../times.js";

interface Counts {
  events: number;
  fraud: number;
  good: number;
}

interface Caught {
  counts: Counts;
  precision: number | null;
  precision_low: number | null;
  precision_high: number | null;
  recall: number | null;
}

interface Example {
  event_id: string;
  user: string;
  event_time: number;
  from: string;
  to: string;
  known: string;
  value: number | null;
}

interface Changed {
  counts: Counts;
  users: number;
  value: { sum: number };
  examples: Example[];
}

interface RuleFigures {
  id: string;
  hash: string;
  role: string;
  caught: Caught;
  share: number;
  users: number;
  alone: Counts;
  uncaught: Counts;
  errors: number;
  unmet: string[];
}

export interface Figures {
  release: number;
  span: { events: number; first_at: number | null; last_at: number | null };
  before: { actions: Record<string, Counts>; stopped: Caught };
  after: { actions: Record<string, Counts>; stopped: Caught };
  flips: { from: string; to: string; changed: Changed }[];
  counterexamples: Record<"fraud_stopped" | "good_released" | "good_stopped" | "fraud_released", Changed>;
  rules: RuleFigures[];
  days: { day: string; events: Counts; matches: Counts; flips: Counts }[];
  value_of: string;
  not_simulated: string[];
  remarks: string[];
}

const KINDS = [
  ["fraud_stopped", "Better: fraud that is stopped now"],
  ["good_released", "Better: good events that pass now"],
  ["good_stopped", "Worse: good events that are stopped now"],
  ["fraud_released", "Worse: fraud that passes now"],
] as const;

/** Shows `figures`; `explain` says why the rule matched an event. */
export function showFigures(place: HTMLElement, figures: Figures, id: string, explain: (eventId: string) => void): void {
  const days = document.createElement("div");
  const above = document.createElement("div");
  const below = document.createElement("div");
  place.replaceChildren(above, days, below);
  render(summaryOf(figures, id), above);
  if (figures.days.length > 1) {
    draw(days, {
      title: "Matches by day", unit: "events a day", times: figures.days.map((day) => Date.parse(day.day) / 1_000),
      lines: [
        { label: "matches", colour: "--accent", values: figures.days.map((day) => day.matches.events) },
        { label: "of these fraud", colour: "--up", values: figures.days.map((day) => day.matches.fraud) },
        { label: "decisions that differ", colour: "--warning", values: figures.days.map((day) => day.flips.events) },
      ],
    });
  }
  render(examplesOf(figures, explain), below);
}

function summaryOf(figures: Figures, id: string): Shown {
  const span = figures.span;
  const when = span.first_at !== null && span.last_at !== null ? ` from ${localTime(new Date(span.first_at))} to ${localTime(new Date(span.last_at))}` : "";
  return html`<p class="subtle">${count(span.events)} events${when}, beside release ${figures.release}</p>
    <div class="scroll"><table>
      <thead><tr><th scope="col">Text</th>${["Matches", "Share", "Users", "Precision", "Recall", "Alone", "Pass today", "Errors"].map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
      <tbody>${figures.rules.filter((rule) => rule.id === id || figures.rules.length < 6).map(ruleOf)}</tbody></table></div>
    ${figures.rules.flatMap((rule) => rule.unmet).map((each) => html`<p class="said warning">${each}</p>`)}
    ${figures.remarks.map((each) => html`<p class="subtle">${each}</p>`)}
    ${decisionsOf(figures)}`;
}

function ruleOf(rule: RuleFigures): Shown {
  const caught = rule.caught;
  const interval = caught.precision_low !== null && caught.precision_high !== null ? ` (${percent(caught.precision_low)} to ${percent(caught.precision_high)})` : "";
  const texts: Record<string, string> = { candidate: "as tried", replaced: "in force now", without: "left out" };
  return html`<tr><td>${rule.id} <span class="subtle">${texts[rule.role] ?? rule.role}, ${rule.hash.slice(0, 12)}</span></td>
    <td class="number">${count(caught.counts.events)}</td><td class="number">${percent(rule.share)}</td><td class="number">${count(rule.users)}</td>
    <td class="number">${percent(caught.precision)}${interval}</td><td class="number">${percent(caught.recall)}</td>
    <td class="number">${count(rule.alone.events)}</td><td class="number">${count(rule.uncaught.events)}</td><td class="number">${count(rule.errors)}</td></tr>`;
}

function decisionsOf(figures: Figures): Shown {
  const actions = [...new Set([...Object.keys(figures.before.actions), ...Object.keys(figures.after.actions)])];
  const row = (name: string, decided: Figures["before"]): Shown => html`<tr><td>${name}</td>
    ${actions.map((action) => html`<td class="number">${count(decided.actions[action]?.events ?? 0)}</td>`)}
    <td class="number">${percent(decided.stopped.precision)}</td><td class="number">${percent(decided.stopped.recall)}</td></tr>`;
  return html`<div class="scroll"><table>
    <thead><tr><th scope="col">Decisions</th>${actions.map((action) => html`<th scope="col" class="number">${action}</th>`)}<th scope="col" class="number">Precision of stops</th><th scope="col" class="number">Recall of stops</th></tr></thead>
    <tbody>${row("as the rules in force decide", figures.before)}${row("with this text", figures.after)}</tbody></table></div>
    ${figures.flips.length ? html`<div class="scroll"><table>
      <thead><tr><th scope="col">Decisions that differ</th>${["Events", "Fraud", "Good", "Users", figures.value_of ? `Sum of ${figures.value_of}` : "Sum"].map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
      <tbody>${figures.flips.map((flip) => html`<tr><td>${flip.from} → ${flip.to}</td>${[flip.changed.counts.events, flip.changed.counts.fraud, flip.changed.counts.good, flip.changed.users, flip.changed.value.sum].map((each) => html`<td class="number">${count(each)}</td>`)}</tr>`)}</tbody></table></div>` : html`<p>No decision would differ.</p>`}`;
}

function examplesOf(figures: Figures, explain: (eventId: string) => void): Shown {
  const found = KINDS.map(([kind, title]) => ({ title, changed: figures.counterexamples[kind] })).filter(({ changed }) => changed.counts.events > 0);
  const unlabelled = found.length ? [] : figures.flips.flatMap((flip) => flip.changed.examples).slice(0, 10);
  return html`${found.map(({ title, changed }) => html`<h3>${title}: ${count(changed.counts.events)} of ${count(changed.users)} users</h3>${eventsOf(changed.examples, explain)}`)}
    ${unlabelled.length ? html`<h3>Decisions that differ, the dearest first; of none it is known whether it was fraud</h3>${eventsOf(unlabelled, explain)}` : null}
    <details><summary>What this does not simulate</summary><ul class="points">${figures.not_simulated.map((each) => html`<li>${each}</li>`)}</ul></details>`;
}

function eventsOf(examples: readonly Example[], explain: (eventId: string) => void): Shown {
  return html`<div class="scroll"><table>
    <thead><tr>${["Event", "Of", "At", "Decision", "Known"].map((name) => html`<th scope="col">${name}</th>`)}<th scope="col" class="number">Value</th></tr></thead>
    <tbody>${examples.map((each) => html`<tr><td><button type="button" class="link" onClick=${() => explain(each.event_id)}><bdi>${each.event_id}</bdi></button></td><td><bdi>${each.user.slice(0, 80)}</bdi></td>
      <td>${localTime(new Date(each.event_time))}</td><td>${each.from} → ${each.to}</td><td>${each.known}</td><td class="number">${each.value === null ? "–" : count(each.value)}</td></tr>`)}</tbody></table></div>`;
}

function count(value: number): string {
  return value.toLocaleString(undefined, { maximumFractionDigits: 2 });
}

function percent(share: number | null): string {
  return share === null ? "–" : `${Number((100 * share).toPrecision(3))} %`;
}
