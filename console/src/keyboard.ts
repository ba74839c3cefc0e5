// All keys of the console. A page says what a key does there; what a page does not say, its key does not do.
// Single keys can be switched off in the overlay of help, for those who speak to their computer.

export const KEYS = {
  down: { key: "j", label: "Next row" },
  up: { key: "k", label: "Row before" },
  open: { key: "Enter", label: "Open" },
  back: { key: "Escape", label: "Back, or close" },
  select: { key: "x", label: "Select the row" },
  assign: { key: "a", label: "Assign to me" },
  snooze: { key: "z", label: "Snooze" },
  undo: { key: "u", label: "Undo" },
  next: { key: "n", label: "Next case" },
  write: { key: "w", label: "Write a note" },
  show: { key: ".", label: "Show what is new" },
  search: { key: "/", label: "Search or filter" },
  help: { key: "?", label: "All keys" },
  one: { key: "1", label: "First choice" },
  two: { key: "2", label: "Second choice" },
  three: { key: "3", label: "Third choice" },
  four: { key: "4", label: "Fourth choice" },
  five: { key: "5", label: "Fifth choice" },
  six: { key: "6", label: "Sixth choice" },
  seven: { key: "7", label: "Seventh choice" },
  eight: { key: "8", label: "Eighth choice" },
  nine: { key: "9", label: "Ninth choice" },
} as const;

export type KeyName = keyof typeof KEYS;
export const CHOICES: readonly KeyName[] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

interface Bound {
  label: string;
  run: () => void;
}

const SWITCH = "weir_keys";
const SEQUENCE_MS = 1_200;
const bound = new Map<string, Bound>();
let awaitsPlaceUntil = 0;

/** Lets a key do something on this page; `label` says what, for the overlay of help. */
export function onKey(name: KeyName, run: () => void, label: string = KEYS[name].label): void {
  bound.set(KEYS[name].key, { label, run });
}

/** What each key does on this page, in the order of `KEYS`. */
export function boundKeys(): { key: string; label: string }[] {
  return Object.values(KEYS).flatMap(({ key }) => {
    const found = bound.get(key);
    return found ? [{ key: key === "Escape" ? "Esc" : key, label: found.label }] : [];
  });
}

export function areKeysOn(): boolean {
  return localStorage.getItem(SWITCH) !== "off";
}

export function switchKeys(isOn: boolean): void {
  if (isOn) localStorage.removeItem(SWITCH);
  else localStorage.setItem(SWITCH, "off");
}

/** Listens to keys; `places` are the paths that `g` and a letter open. */
export function listenToKeys(places: ReadonlyMap<string, string>): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const isTyping = isField(event.target);
    if (event.key === "Escape" && isTyping && !isDialogOpen()) {
      (event.target as HTMLElement).blur();
      return;
    }
    if (isTyping || isDialogOpen() || !areKeysOn()) return;
    if (performance.now() < awaitsPlaceUntil) {
      awaitsPlaceUntil = 0;
      const path = places.get(event.key);
      if (path) {
        event.preventDefault();
        location.assign(path);
      }
      return;
    }
    if (event.key === "g") {
      awaitsPlaceUntil = performance.now() + SEQUENCE_MS;
      return;
    }
    if (event.key === "Enter" && isControl(event.target)) return;
    const found = bound.get(event.key);
    if (found) {
      event.preventDefault();
      found.run();
    }
  });
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && !isTick(target)));
}

function isTick(target: HTMLElement): boolean {
  return target instanceof HTMLInputElement && (target.type === "checkbox" || target.type === "radio");
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("a, button, summary, input, select") !== null;
}

function isDialogOpen(): boolean {
  return document.querySelector("dialog[open]") !== null;
}
