// Preact's templates without a compiler, and signals, in one place.
export { html, render } from "htm/preact";
export { signal, computed, effect, batch } from "@preact/signals";
export type { Signal } from "@preact/signals";
/** What `html` makes, and `render` shows. */
export type { VNode as Shown } from "preact";
