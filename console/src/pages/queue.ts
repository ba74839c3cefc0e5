// The queue: its rows by keys.

import { moveThrough } from "../rows.js";

const table = document.querySelector<HTMLTableElement>("#queue");
if (table) moveThrough(table);
