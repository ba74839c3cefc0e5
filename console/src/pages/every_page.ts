// What every page does: keys, help, times, the theme, tables on phones, and trying again by itself where the system was away.

import { listenToCopying } from "../copying.js";
import { openHelp } from "../help.js";
import { listenToKeys, onKey } from "../keyboard.js";
import { nameCellsOnPhones } from "../phone_tables.js";
import { listenToTheme } from "../theme.js";
import { showTimes } from "../times.js";

const AGAIN_MS = 3_000;

const links = [...document.querySelectorAll<HTMLAnchorElement>("nav a[data-key]")];
const places = links.map((link) => ({ key: link.dataset["key"] ?? "", label: link.dataset["label"] ?? "", path: link.pathname }));
listenToKeys(new Map(places.map(({ key, path }) => [key, path])));
const help = (): void => openHelp(places);
onKey("help", help);
document.getElementById("help")?.addEventListener("click", help);
listenToTheme(document.getElementById("theme"));
showTimes();
listenToCopying();
nameCellsOnPhones();
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-sends-itself]")) {
  form.addEventListener("change", () => form.requestSubmit());
}
if (document.querySelector("[data-tries-again]")) setTimeout(() => location.reload(), AGAIN_MS);
