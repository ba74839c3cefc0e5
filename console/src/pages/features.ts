// The catalogue of features: its rows by keys, and searching.

import "./every_page.js";
import { onKey } from "../keyboard.js";
import { moveThrough } from "../rows.js";

const table = document.querySelector<HTMLTableElement>("#features");
if (table) moveThrough(table);
onKey("search", () => document.getElementById("search")?.focus());
