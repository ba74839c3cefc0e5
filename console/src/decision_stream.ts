// The stream of decisions, taken in by batches: however many come, the page is drawn a few times a second.

export interface Decision {
  event_id: string;
  event_time: number;
  user: string;
  score: number | null;
  action: string;
  decided_by: string;
  reasons: string[];
  latency_ms: number | null;
}

/** What has come since the batch before: `count` of all, and the newest that could be read, the newest first. */
export interface Batch {
  count: number;
  missed: number;
  newest: Decision[];
  latenciesMs: number[];
}

const BATCH_MS = 250;
const KEPT_MAX = 1_000;
const NEWEST_MAX = 30;
const AGAIN_MS = 5_000;

/** Follows the stream; gives a batch to `take` each quarter of a second, and says to `tell` whether the stream is open. */
export function followDecisions(take: (batch: Batch) => void, tell: (isOpen: boolean) => void): void {
  let kept: string[] = [];
  let count = 0;
  let missed = 0;
  const open = (): void => {
    const source = new EventSource("/v1/stream");
    source.addEventListener("open", () => tell(true));
    source.addEventListener("decision", (event: MessageEvent<string>) => {
      count += 1;
      kept.push(event.data);
      if (kept.length > 2 * KEPT_MAX) kept = kept.slice(-KEPT_MAX);
    });
    for (const name of ["lagged", "gap"]) {
      source.addEventListener(name, (event: MessageEvent<string>) => (missed += countIn(event.data)));
    }
    source.addEventListener("error", () => {
      tell(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(open, AGAIN_MS); // otherwise the browser tries again by itself
    });
  };
  setInterval(() => {
    const read = kept.slice(-KEPT_MAX).flatMap(decisionIn).reverse();
    take({ count, missed, newest: read.slice(0, NEWEST_MAX), latenciesMs: read.flatMap(({ latency_ms }) => latency_ms ?? []) });
    kept = [];
    count = missed = 0;
  }, BATCH_MS);
  open();
}

/** The decision in a text; none where it is damaged, so that one record spoils no other. */
function decisionIn(text: string): Decision[] {
  try {
    const read = JSON.parse(text) as Partial<Decision> | null;
    if (typeof read?.event_id !== "string") return [];
    const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
    return [
      {
        event_id: read.event_id,
        event_time: number(read.event_time) ?? Number.NaN,
        user: String(read.user ?? ""),
        score: number(read.score),
        action: String(read.action ?? ""),
        decided_by: String(read.decided_by ?? ""),
        reasons: Array.isArray(read.reasons) ? read.reasons.map(String) : [],
        latency_ms: number(read.latency_ms),
      },
    ];
  } catch {
    return [];
  }
}

function countIn(text: string): number {
  try {
    const [found] = Object.values(JSON.parse(text) as Record<string, unknown>);
    return typeof found === "number" ? found : 0;
  } catch {
    return 0;
  }
}
