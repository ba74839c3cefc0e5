// Asks the API again and again, as long as somebody looks; says so when it does not answer, and goes on by itself.

import { Fault, patiently } from "./api.js";
import { showAway, showFault } from "./away.js";

/** Calls `ask` each `everyMs` while the page is seen, at first `firstMs` from now, and gives what it answers to `take`. A fault that does not pass ends it. */
export function poll<Answered>(ask: () => Promise<Answered>, everyMs: number, take: (answered: Answered) => void, firstMs = everyMs): void {
  const again = (): void => {
    if (document.hidden) document.addEventListener("visibilitychange", again, { once: true });
    else void look();
  };
  const look = async (): Promise<void> => {
    try {
      take(await patiently(ask, showAway));
      setTimeout(again, everyMs);
    } catch (error) {
      if (error instanceof Fault) showFault(error);
      else throw error;
    }
  };
  setTimeout(again, firstMs);
}
