// Stores what was written, and keeps it for this window until then: a page that is loaded again does not lose it.

import { Fault, call } from "../api.js";
import { toast } from "../toast.js";
import type { Editor } from "./editor.js";
import { pathOf, type Given } from "./given.js";

const key = (given: Given): string => `weir_text_${given.id}`;

/** What was written of this rule and not stored; null if it is the text in force. */
export function keptText(given: Given): string | null {
  const kept = sessionStorage.getItem(key(given));
  return kept === given.text ? null : kept;
}

export function keepText(given: Given, text: string): void {
  if (text === given.text) sessionStorage.removeItem(key(given));
  else sessionStorage.setItem(key(given), text);
}

/** Stores the text in the place of the one that this page has shown, and shows what came of it. */
export async function save(given: Given, editor: Editor): Promise<void> {
  const headers = { "content-type": "application/yaml", ...(given.etag ? { "if-match": given.etag } : {}) };
  try {
    await call("PUT", pathOf(given), editor.text(), headers);
    sessionStorage.removeItem(key(given));
    location.reload();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    toast(saidOf(error), { isFault: true });
  }
}

function saidOf(fault: Fault): string {
  if (fault.status === 412) return "Somebody has stored another text meanwhile. Open this page in another window, compare, and take over what is new.";
  return fault.isPassing ? "The system does not answer. Your text is kept; store it again in a moment." : fault.message;
}
