// The list of rules: its rows by keys, searching, and a new rule.

import "./every_page.js";
import { openDialog } from "../dialog.js";
import { onKey } from "../keyboard.js";
import { moveThrough } from "../rows.js";

const ID = "[a-z][a-z0-9_]{0,62}";

const table = document.querySelector<HTMLTableElement>("#rules");
if (table) moveThrough(table);
const search = document.querySelector<HTMLInputElement>("#search");
if (search) onKey("search", () => search.focus());
const opener = document.getElementById("new-rule");
if (opener) {
  opener.addEventListener("click", askForId);
  onKey("next", askForId, "New rule");
}

function askForId(): void {
  openDialog("New rule", (body) => {
    const form = document.createElement("form");
    form.className = "stack";
    const field = document.createElement("label");
    field.className = "field";
    const said = document.createElement("span");
    said.textContent = "Id: small letters, digits and underscores, such as gift_cards_at_night. It stays for ever.";
    const input = document.createElement("input");
    Object.assign(input, { type: "text", required: true, pattern: ID, maxLength: 63, autocomplete: "off", spellcheck: false });
    field.append(said, input);
    const button = document.createElement("button");
    button.className = "primary";
    button.textContent = "Write it";
    form.append(field, button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      location.assign(`/rules/${encodeURIComponent(input.value)}`);
    });
    body.append(form);
    queueMicrotask(() => input.focus());
  });
}
