// What the pages of cases share: the shapes of the API, the next case, and asking for what a verdict needs.

import { type Fault, Fault as ApiFault, call, patiently } from "./api.js";
import { showAway, showFault } from "./away.js";
import { openDialog } from "./dialog.js";
import { toast } from "./toast.js";

export interface Case {
  id: string;
  state: string;
  holder: string;
  priority: number;
  events: number;
  version: number;
}

export interface Input {
  name: string;
  type: "flag" | "number" | "choice" | "text";
  options: string[];
}

export interface Choice {
  verdict: string;
  reason: string;
  key: string;
  inputs: Input[];
}

export type Values = Record<string, string | number | boolean>;

/** Claims the best case that is free, and opens it. */
export async function openNext(): Promise<void> {
  try {
    const { body } = await patiently(() => call<Case>("POST", "/v1/cases:next", {}), showAway);
    location.assign(`/cases/${body.id}`);
  } catch (error) {
    if (error instanceof ApiFault && error.status === 404) toast("No case is free now.");
    else refuse(error);
  }
}

/** Shows a fault of the API; anything else is a fault of the page. */
export function refuse(error: unknown): void {
  if (!(error instanceof ApiFault)) throw error;
  showFault(error as Fault);
}

/** The words of a choice. */
export function wordsOf(choice: Choice): string {
  return (choice.reason || choice.verdict).replaceAll("_", " ");
}

/** Asks for what a verdict needs beside its reason; `give` gets the values, and is not called if somebody closes the dialog. */
export function askInputs(choice: Choice, give: (values: Values) => void): void {
  if (!choice.inputs.length) {
    give({});
    return;
  }
  openDialog(`${choice.verdict}: ${wordsOf(choice)}`, (body, close) => {
    const form = document.createElement("form");
    form.className = "grid";
    const fields = choice.inputs.map((input) => fieldOf(input));
    const send = document.createElement("button");
    send.className = "primary";
    send.textContent = "Give the verdict";
    form.append(...fields.map(({ label }) => label), send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      close();
      give(Object.fromEntries(choice.inputs.map((input, index) => [input.name, valueOf(input, fields[index]?.field.value ?? "")])));
    });
    body.append(form);
  });
}

function fieldOf(input: Input): { label: HTMLLabelElement; field: HTMLInputElement | HTMLSelectElement } {
  const label = document.createElement("label");
  label.className = "field";
  const words = document.createElement("span");
  words.textContent = input.name.replaceAll("_", " ");
  const options = input.type === "flag" ? ["yes", "no"] : input.options;
  const field = options.length ? document.createElement("select") : document.createElement("input");
  // Nothing is chosen at first: what a verdict says is what somebody chose, and not what a key passed over.
  for (const option of options.length ? ["", ...options] : []) field.append(new Option(option, option));
  if (field instanceof HTMLInputElement) {
    field.type = input.type === "number" ? "number" : "text";
    if (input.type === "number") field.step = "any";
  }
  field.required = true;
  label.append(words, field);
  return { label, field };
}

function valueOf(input: Input, given: string): string | number | boolean {
  if (input.type === "flag") return given === "yes";
  return input.type === "number" ? Number(given) : given;
}
