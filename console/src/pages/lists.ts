// The lists: rows by keys, and a new list.

import "./every_page.js";
import { Fault, call } from "../api.js";
import { openDialog } from "../dialog.js";
import { html, render } from "../html.js";
import { onKey } from "../keyboard.js";
import { moveThrough } from "../rows.js";
import { toast } from "../toast.js";

const table = document.querySelector<HTMLTableElement>("#lists");
if (table) moveThrough(table);
const opener = document.getElementById("new-list");
if (opener) {
  opener.addEventListener("click", ask);
  onKey("next", ask, "New list");
}

function ask(): void {
  openDialog("New list", (body) => {
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      void make(String(new FormData(event.currentTarget as HTMLFormElement).get("name")));
    };
    render(
      html`<form class="stack" onSubmit=${submit}>
        <label class="field"><span>Name: small letters, digits and underscores, such as blocked_devices</span>
          <input type="text" name="name" required pattern="[a-z][a-z0-9_]{0,62}" maxlength="63" autocomplete="off" /></label>
        <button class="primary">Make the list</button>
      </form>`,
      body,
    );
    queueMicrotask(() => body.querySelector("input")?.focus());
  });
}

async function make(name: string): Promise<void> {
  const path = `/lists/${encodeURIComponent(name)}`;
  try {
    if (!document.querySelector(`a[href="${path}"]`)) await call("PUT", `/v1${path}`, "", { "content-type": "text/plain" });
    location.assign(path);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    toast(error.message, { isFault: true });
  }
}
