// One list: adding, removing with undo, and replacing it by a file.

import "./every_page.js";
import { Fault, call } from "../api.js";
import { askFor } from "../asking.js";
import { openDialog } from "../dialog.js";
import { html, render } from "../html.js";
import { onKey } from "../keyboard.js";
import { toast } from "../toast.js";

const DAY_MS = 86_400_000;
const FILE_BYTES_MAX = 64 * 1024 * 1024;

interface Changed {
  added: number;
  removed: number;
  updated: number;
}

const place = document.getElementById("list");
if (place) begin(place, `/v1/lists/${encodeURIComponent(place.dataset["name"] ?? "")}`);

function begin(place: HTMLElement, path: string): void {
  onKey("search", () => document.getElementById("search")?.focus());
  onKey("back", () => location.assign("/lists"), "Back to all lists");
  document.getElementById("add")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void tell(() => add(path, form), true);
  });
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-remove]")) {
    button.addEventListener("click", () => remove(place, path, button));
  }
  document.getElementById("upload")?.addEventListener("click", () => askForFile(place, path));
}

async function add(path: string, form: FormData): Promise<void> {
  const values = String(form.get("values")).split("\n").map((line) => line.trim()).filter(Boolean);
  const days = Number(form.get("days"));
  const expires = days ? Date.now() + days * DAY_MS : null;
  await call("POST", `${path}:edit`, { add: values.map((value) => ({ value, expires })), reason: String(form.get("reason")) });
}

function remove(place: HTMLElement, path: string, button: HTMLButtonElement): void {
  const value = button.dataset["remove"] ?? "";
  const send = async ({ reason }: Record<string, unknown>): Promise<void> => {
    const { etag } = await call("POST", `${path}:edit`, { remove: [value], reason });
    place.dataset["version"] = etag.replaceAll('"', ""); // a file replaces the list that this person sees
    button.closest("tr")?.remove();
    toast("Removed.");
  };
  askFor("Remove from the list", send, { field: html`<p class="wrap"><bdi>${value.slice(0, 300)}</bdi></p>`, isReasonNeeded: true });
}

function askForFile(place: HTMLElement, path: string): void {
  openDialog("Upload a file", (body) => {
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      const file = new FormData(event.currentTarget as HTMLFormElement).get("file");
      if (file instanceof File) void tell(() => replace(place, path, file), true);
    };
    render(
      html`<form class="stack" onSubmit=${submit}>
        <p>The file has one value on each line; lines that begin with # count as remarks. It takes the place of all ${place.dataset["entries"]} entries; those that are in both stay as they are.</p>
        <label class="field"><span>File</span><input type="file" name="file" required accept=".txt,.csv,text/plain" /></label>
        <button class="primary">Replace all entries</button>
      </form>`,
      body,
    );
  });
}

async function replace(place: HTMLElement, path: string, file: File): Promise<void> {
  if (file.size > FILE_BYTES_MAX) throw new Fault(413, { detail: "The file is larger than 64 MB." }, 0);
  const headers = { "content-type": "text/plain", "if-match": `"${place.dataset["version"]}"` };
  const { body } = await call<Changed>("PUT", path, await file.text(), headers);
  toast(`${body.added} added, ${body.removed} removed.`);
}

/** Does it, and says what is in the way; with `loads`, the page then shows what came of it. */
async function tell(doing: () => Promise<void>, loads = false): Promise<void> {
  try {
    await doing();
    if (loads) location.reload();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    toast(error.status === 412 ? "The list has changed meanwhile. Load the page again, and look." : error.message, { isFault: true });
  }
}
