// Times in the zone of who looks; UTC stays in the title.

const shortly = new Intl.DateTimeFormat(undefined, { month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const withYear = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false });

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
