// The overlay that lists the keys of this page, and switches them off and on.

import { openDialog } from "./dialog.js";
import { areKeysOn, boundKeys, switchKeys } from "./keyboard.js";

export function openHelp(places: readonly { key: string; label: string }[]): void {
  openDialog("Keys", (body) => {
    body.append(listOf(boundKeys()), listOf(places.map(({ key, label }) => ({ key: `g ${key}`, label: `Go to ${label}` }))), switchOf());
  });
}

function listOf(keys: readonly { key: string; label: string }[]): HTMLElement {
  const list = document.createElement("ul");
  list.className = "keys";
  for (const { key, label } of keys) {
    const item = document.createElement("li");
    const shown = document.createElement("kbd");
    shown.textContent = key;
    item.append(label, shown);
    list.append(item);
  }
  return list;
}

function switchOf(): HTMLElement {
  const label = document.createElement("label");
  const tick = document.createElement("input");
  tick.type = "checkbox";
  tick.checked = areKeysOn();
  tick.addEventListener("change", () => switchKeys(tick.checked));
  label.append(tick, " Single keys do something on this browser");
  return label;
}
