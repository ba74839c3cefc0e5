// Follows a stream that says that something has changed, and asks for it then; while the stream is broken, asks now and then.

const TICK_MS = 250;
const LEAST_MS = 1_000;
const POLL_MS = 4_000;
const REST_MS = 60_000;
const AGAIN_MS = 5_000;

/**
 * Calls `look` once the stream at `path` is open, after each `changed` of it, and after `REST_MS` without any; at most once each `LEAST_MS`, however many come.
 * Without the stream it calls each `POLL_MS`. While nobody sees the page, it rests, and the connection is let go: a browser has few of them.
 */
export function follow(path: string, look: () => Promise<void>): void {
  let source: EventSource | null = null;
  let triedMs = -AGAIN_MS;
  let lookedMs = performance.now();
  let isWanted = false;
  let isBusy = false;

  function keepOpen(now: number): void {
    if (source?.readyState === EventSource.CLOSED) source = null; // one that connects again by itself is left alone
    if (source || now - triedMs < AGAIN_MS) return;
    triedMs = now;
    source = new EventSource(path);
    for (const name of ["open", "changed"]) source.addEventListener(name, () => (isWanted = true));
  }

  function isDue(now: number): boolean {
    const isOpen = source?.readyState === EventSource.OPEN;
    return now - lookedMs >= (isWanted ? LEAST_MS : isOpen ? REST_MS : POLL_MS);
  }

  function tick(): void {
    const now = performance.now();
    if (document.hidden) {
      source?.close();
      source = null;
      triedMs = -AGAIN_MS;
      return;
    }
    keepOpen(now);
    if (isBusy || !isDue(now)) return;
    isWanted = false;
    isBusy = true;
    void look().finally(() => {
      lookedMs = performance.now();
      isBusy = false;
    });
  }
  setInterval(tick, TICK_MS);
  tick();
}
