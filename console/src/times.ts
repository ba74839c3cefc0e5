// Times in the zone of who looks; UTC stays in the title.

const shortly = new Intl.DateTimeFormat(undefined, { month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const withYear = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false });
const ofDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const ofMinutes = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const ofDays = new Intl.DateTimeFormat(undefined, { month: "short", day: "2-digit" });
const SECONDS_SHOWN_MS = 300_000;
const DAY_MS = 86_400_000;

/** A time on an axis that is `spanMs` long. */
export function axisTime(at: Date, spanMs: number): string {
  if (spanMs < SECONDS_SHOWN_MS) return ofMinutes.format(at);
  if (spanMs < DAY_MS) return ofDay.format(at);
  return spanMs < 3 * DAY_MS ? `${ofDays.format(at)}, ${ofDay.format(at)}` : ofDays.format(at);
}

export function localTime(at: Date): string {
  return (at.getFullYear() === new Date().getFullYear() ? shortly : withYear).format(at);
}

export function utcTime(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Writes the times in `root` anew. */
export function showTimes(root: ParentNode = document): void {
  for (const time of root.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = localTime(at);
  }
}
