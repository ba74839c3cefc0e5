// Says at the top of the page that the system is away, or that somebody has to sign in again; what was typed stays.

import type { Fault } from "./api.js";

const ID = "away";

/** Shows why a call waits; null takes the banner away. */
export function showAway(fault: Fault | null): void {
  document.getElementById(ID)?.remove();
  if (!fault) return;
  const banner = bannerOf(ID, "warning");
  banner.append(`${fault.status ? `The system answers ${fault.status}: ${fault.message}` : "The system does not answer"}. What you did is kept, and is tried again by itself.`);
}

/** Shows why a call failed for good, with what can be done. */
export function showFault(fault: Fault): void {
  const banner = bannerOf("fault", "danger");
  banner.setAttribute("role", "alert");
  if (fault.status === 401) {
    const link = document.createElement("a");
    link.href = `/sign-in?back=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = "Sign in again";
    banner.append("Your session has ended; what you typed is kept in this window. ", link);
  } else {
    banner.append(fault.message);
  }
}

/** An empty banner in the place of one with the same id. */
export function bannerOf(id: string, kind: string): HTMLElement {
  document.getElementById(id)?.remove();
  const banner = document.createElement("div");
  banner.id = id;
  banner.className = `banner ${kind}`;
  document.getElementById("banners")?.append(banner);
  return banner;
}
