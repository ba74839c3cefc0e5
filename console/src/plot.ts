// Plots over time with uPlot. Every plot has its table beside it, for those who cannot see it and for copying.

import uPlot from "uplot";
import { copy, textOf } from "./copying.js";
import { axisTime, localTime, utcTime } from "./times.js";

export interface Line {
  label: string;
  /** A token of the style sheet, such as `--accent`. */
  colour: string;
  values: (number | null)[];
}

export interface Plot {
  title: string;
  unit: string;
  /** Seconds since the epoch, ascending. */
  times: number[];
  lines: Line[];
}

const HEIGHT_PX = 180;

/** Draws `plot` into `place` in the place of what is there; gives what takes new values in. */
export function draw(place: HTMLElement, plot: Plot): (next: Plot) => void {
  place.classList.add("plot");
  place.replaceChildren();
  const colour = (token: string): string => {
    place.style.color = `var(${token})`; // a canvas takes no token, and no pair for light and dark: the browser has to say what they come to
    const found = getComputedStyle(place).color;
    place.style.color = "";
    return found;
  };
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  const made = new uPlot(
    {
      width: place.clientWidth || 600,
      height: HEIGHT_PX,
      series: [{ label: "Time", value: (_, seconds) => (seconds === null ? "–" : localTime(new Date(seconds * 1_000))) }, ...plot.lines.map((line) => ({ label: line.label, stroke: colour(line.colour), width: 1.5 }))],
      axes: [{ ...axis, values: (_, splits) => splits.map((seconds) => axisTime(new Date(seconds * 1_000), spanOf(splits))) }, { ...axis, label: plot.unit, size: 56 }],
    },
    columnsOf(plot),
    place,
  );
  made.root.setAttribute("aria-hidden", "true");
  new ResizeObserver(() => made.setSize({ width: place.clientWidth, height: HEIGHT_PX })).observe(place);
  const table = tableBeside(place, plot);
  table.fill(plot);
  return (next) => {
    made.setData(columnsOf(next));
    table.fill(next);
  };
}

function spanOf(splits: readonly number[]): number {
  return ((splits.at(-1) ?? 0) - (splits[0] ?? 0)) * 1_000;
}

function columnsOf(plot: Plot): uPlot.AlignedData {
  return [plot.times, ...plot.lines.map((line) => line.values)] as uPlot.AlignedData;
}

function tableBeside(place: HTMLElement, plot: Plot): { fill: (plot: Plot) => void } {
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = `${plot.title} as a table`;
  const table = document.createElement("table");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy the table";
  button.addEventListener("click", () => void copy(textOf(table)));
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.append(table);
  details.append(summary, button, scroll);
  place.append(details);
  let shown = plot;
  details.addEventListener("toggle", () => fill(shown));
  const fill = (next: Plot): void => {
    shown = next;
    if (details.open) fillTable(table, next);
  };
  return { fill };
}

function fillTable(table: HTMLTableElement, plot: Plot): void {
  table.replaceChildren();
  const head = table.createTHead().insertRow();
  for (const label of ["Time", ...plot.lines.map((line) => line.label)]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = label;
    head.append(cell);
  }
  const body = table.createTBody();
  plot.times.forEach((seconds, index) => {
    const row = body.insertRow();
    const at = new Date(seconds * 1_000);
    const cell = row.insertCell();
    cell.textContent = localTime(at);
    cell.title = utcTime(at);
    for (const line of plot.lines) row.insertCell().textContent = String(line.values[index] ?? "–");
  });
}
