// Buttons that call the API once: they rest while it is asked, and say what came of it.

import { Fault } from "./api.js";
import { toast } from "./toast.js";

/** Lets a click on `button` do `act`, and says `done` behind it, or what was refused. */
export function doing(button: HTMLButtonElement, done: string, act: () => Promise<unknown>): void {
  button.addEventListener("click", () => {
    button.disabled = true;
    act()
      .then(() => toast(done))
      .catch((error: unknown) => toast(error instanceof Fault ? error.message : String(error), { isFault: true }))
      .finally(() => (button.disabled = false));
  });
}
