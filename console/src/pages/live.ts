// Live: the figures of now from the stream, and those of the last hour from the metrics.

import "./every_page.js";
import { get } from "../api.js";
import { type Batch, type Decision, followDecisions } from "../decision_stream.js";
import { html, render } from "../html.js";
import { draw, type Plot } from "../plot.js";
import { poll } from "../polling.js";
import { localTime, utcTime } from "../times.js";

const LOOK_MS = 10_000;
const MINUTE_MS = 60_000;
const WINDOW_BATCHES = 40;
const SHOWN_MAX = 30;
const TEXT_MAX = 80;
const KINDS: Record<string, string> = { approve: "good", review: "warning", block: "danger" };
const COLOURS: Record<string, string> = { approve: "--good", review: "--warning", block: "--danger" };

interface Group {
  time: number;
  dimensions: Record<string, string>;
  count: number;
  latency_ms_mean: number | null;
  latency_ms_max: number | null;
}

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const cut = (text: string): string => (text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text);
const byId = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
};

const batches: Batch[] = [];
let newest: Decision[] = [];
let isHeld = false;

function showNow(): void {
  const seconds = (batches.length * 250) / 1_000 || 1;
  const sum = batches.reduce((all, each) => all + each.count, 0);
  const missed = batches.reduce((all, each) => all + each.missed, 0);
  const latencies = batches.flatMap((each) => each.latenciesMs).sort((one, other) => one - other);
  const within = (share: number): string => (latencies.length ? `${number.format(latencies[Math.ceil(share * latencies.length) - 1] ?? 0)} ms` : "–");
  const tiles: [string, string][] = [
    ["Decisions a second, now", number.format(sum / seconds)],
    ["Half took at most", within(0.5)],
    ["99 in 100 took at most", within(0.99)],
    ...(missed ? [["Not shown, for they came too fast", number.format(missed)] as [string, string]] : []),
  ];
  render(html`${tiles.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}`, byId("now"));
}

function showDecisions(): void {
  const place = byId("decisions");
  if (!newest.length) {
    render(html`<div class="empty"><strong>No decision has come yet.</strong><span>Send events with POST /v1/decisions, or start the demo: weir demo</span></div>`, place);
    return;
  }
  render(
    html`<table id="decisions-table">
      <thead><tr>${["Event", "Of", "Time", "Action", "Score", "By", "Why", "Took"].map((each) => html`<th scope="col">${each}</th>`)}</tr></thead>
      <tbody>${newest.map(
        (each) => html`<tr key=${`${each.user} ${each.event_id}`}><td><bdi>${cut(each.event_id)}</bdi></td><td><bdi>${cut(each.user)}</bdi></td><td>${timeOf(each.event_time)}</td><td><span class=${`badge ${KINDS[each.action] ?? ""}`}>${cut(each.action)}</span></td><td class="number">${each.score === null ? "–" : each.score.toFixed(3)}</td><td class="narrow">${cut(each.decided_by)}</td><td><bdi>${cut(each.reasons.join("; "))}</bdi></td><td class="number">${each.latency_ms === null ? "–" : `${number.format(each.latency_ms)} ms`}</td></tr>`,
      )}</tbody>
    </table>`,
    place,
  );
}

function timeOf(ms: number): unknown {
  const at = new Date(ms);
  return Number.isNaN(at.getTime()) ? "–" : html`<time dateTime=${at.toISOString()} title=${utcTime(at)}>${localTime(at)}</time>`;
}

function takeBatch(batch: Batch): void {
  batches.push(batch);
  if (batches.length > WINDOW_BATCHES) batches.shift();
  showNow();
  if (isHeld || !batch.newest.length) return;
  newest = [...batch.newest, ...newest].slice(0, SHOWN_MAX);
  showDecisions();
}

/** The figures of each whole minute; a minute without decisions has none. */
function plotsOf(groups: readonly Group[]): Plot[] {
  const whole = groups.filter(({ time }) => time < Date.now() - MINUTE_MS);
  const times = [...new Set(whole.map(({ time }) => time))].sort((one, other) => one - other);
  const actions = [...new Set(whole.map(({ dimensions }) => dimensions["action"] ?? ""))].sort();
  const found = (time: number, action: string): Group | undefined => whole.find((each) => each.time === time && each.dimensions["action"] === action);
  const rates = actions.map((action) => ({ label: action, colour: COLOURS[action] ?? "--accent", values: times.map((time) => (found(time, action)?.count ?? 0) / 60) }));
  const at = times.map((time) => whole.filter((each) => each.time === time));
  const mean = at.map((each) => each.reduce((sum, { latency_ms_mean, count }) => sum + (latency_ms_mean ?? 0) * count, 0) / Math.max(1, each.reduce((sum, { count }) => sum + count, 0)));
  const greatest = at.map((each) => Math.max(...each.map(({ latency_ms_max }) => latency_ms_max ?? 0)));
  const seconds = times.map((time) => time / 1_000);
  return [
    { title: "Decisions a second", unit: "1/s", times: seconds, lines: rates },
    { title: "How long a decision took", unit: "ms", times: seconds, lines: [{ label: "mean", colour: "--accent", values: mean }, { label: "most", colour: "--up", values: greatest }] },
  ];
}

const drawn = new Map<string, { lines: string; next: (plot: Plot) => void }>();

function show(id: string, plot: Plot | undefined): void {
  if (!plot || plot.times.length < 2) return;
  const lines = plot.lines.map(({ label }) => label).join("\n");
  const there = drawn.get(id);
  if (there?.lines === lines) there.next(plot);
  else drawn.set(id, { lines, next: draw(byId(id), plot) });
}

function bars(id: string, heading: string, rows: readonly { name: string; more: string; count: number }[], empty: string): void {
  const most = Math.max(1, ...rows.map(({ count }) => count));
  const table = html`<table id=${`${id}-table`}>
    <thead><tr><th scope="col">${heading}</th><th scope="col" class="number">Count</th><th scope="col"><span class="unseen">As a bar</span></th></tr></thead>
    <tbody>${rows.map(({ name, more, count }) => html`<tr key=${name + more}><td>${cut(name)} <span class="subtle">${more}</span></td><td class="number">${number.format(count)}</td><td class="barred"><svg width="100%" height="12" aria-hidden="true"><rect width=${`${(100 * count) / most}%`} height="12" rx="2" class="bar" /></svg></td></tr>`)}</tbody>
  </table>`;
  render(rows.length ? table : html`<div class="empty"><strong>${empty}</strong><span>Counts follow decisions within seconds.</span></div>`, byId(id === "bands" ? "score-bands" : "top-rules"));
}

async function ask(): Promise<{ minutes: Group[]; bands: Group[]; rules: Group[] }> {
  const query = async (text: string): Promise<Group[]> => (await get<{ groups: Group[] }>(`/v1/metrics/query?${text}`)).body.groups;
  const minutes = await query("granularity=minute&group_by=action&limit=1000");
  const bands = await query("group_by=score_band&limit=20");
  const rules = await query("metric=matches&group_by=pattern&group_by=shadow&limit=15");
  return { minutes, bands, rules };
}

function showHour({ minutes, bands, rules }: Awaited<ReturnType<typeof ask>>): void {
  const [rates, latencies] = plotsOf(minutes);
  show("rate-plot", rates);
  show("latency-plot", latencies);
  const byBand = bands.map(({ dimensions, count }) => ({ name: dimensions["score_band"] ?? "", more: "", count })).sort((one, other) => (one.name < other.name ? -1 : 1));
  bars("bands", "Score", byBand, "No decision within the hour.");
  const named = rules.map(({ dimensions, count }) => ({ name: dimensions["pattern"] ?? "", more: dimensions["shadow"] === "true" ? "watched" : "", count }));
  bars("rules", "Rule", named, "No rule has matched within the hour.");
}

const hold = byId("hold");
hold.addEventListener("click", () => {
  isHeld = !isHeld;
  hold.setAttribute("aria-pressed", String(isHeld));
});
showNow();
showDecisions();
followDecisions(takeBatch, (isOpen) => {
  const shown = byId("stream");
  shown.textContent = isOpen ? "The stream is open" : "The stream is broken; it is tried again by itself";
  shown.className = `badge ${isOpen ? "good" : "warning"}`;
});
poll(ask, LOOK_MS, showHour, 0);
