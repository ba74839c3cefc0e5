// Calls the API as the session of this browser. What fails because the system is away for a while is tried again.

export interface Problem {
  title?: string;
  detail?: string;
  status?: number;
  version?: number;
  changes?: { what: string; by: string; text: string; at_ms: number }[];
}

/** What the API refused; `status` is 0 where it gave no answer at all. */
export class Fault extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
    readonly retryAfterMs: number,
  ) {
    super(problem.detail ?? problem.title ?? "the api does not answer");
  }

  /** Whether the same call may well work a little later. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || (this.status >= 502 && this.status <= 504);
  }
}

export interface Answer<Shape> {
  body: Shape;
  etag: string;
}

const RETRY_MS = 1_000;
const RETRY_MS_MAX = 15_000;
const CALL_MS_MAX = 20_000;

/** One call. A body is sent as JSON, or as it is where `headers` say its content type. Throws a `Fault` for whatever is no success. */
export async function call<Shape>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<Shape>> {
  const given: Record<string, string> = { accept: "application/json", ...headers };
  if (method !== "GET") given["x-weir-csrf"] = csrf();
  const isText = given["content-type"] !== undefined;
  if (body !== undefined && !isText) given["content-type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: given,
      body: body === undefined ? null : isText ? String(body) : JSON.stringify(body),
      credentials: "same-origin",
      signal: AbortSignal.timeout(CALL_MS_MAX),
    });
  } catch {
    throw new Fault(0, { detail: "the system does not answer" }, RETRY_MS);
  }
  const read: unknown = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Fault(answer.status, read as Problem, Number(answer.headers.get("retry-after") ?? 1) * 1_000);
  return { body: read as Shape, etag: answer.headers.get("etag") ?? "" };
}

export function get<Shape>(path: string): Promise<Answer<Shape>> {
  return call<Shape>("GET", path);
}

/** Calls until it is answered for good; `onWait` is told meanwhile, with null once the wait is over. For calls that may be repeated. */
export async function patiently<Answered>(once: () => Promise<Answered>, onWait: (fault: Fault | null) => void): Promise<Answered> {
  for (let waitMs = RETRY_MS; ; waitMs = Math.min(waitMs * 2, RETRY_MS_MAX)) {
    try {
      const answered = await once();
      onWait(null);
      return answered;
    } catch (error) {
      if (!(error instanceof Fault) || !error.isPassing) {
        onWait(null);
        throw error;
      }
      onWait(error);
      await new Promise((resolve) => setTimeout(resolve, Math.max(waitMs, error.retryAfterMs)));
    }
  }
}

function csrf(): string {
  const name = document.querySelector<HTMLMetaElement>('meta[name="weir-csrf-cookie"]')?.content ?? "";
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found?.slice(name.length + 1) ?? "";
}
