// The theme: what the system prefers, until somebody chooses.

const YEAR_SECONDS = 31_536_000;

export function listenToTheme(button: HTMLElement | null): void {
  button?.addEventListener("click", () => {
    const root = document.documentElement;
    const isDark = root.dataset["theme"] ? root.dataset["theme"] === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset["theme"] = isDark ? "light" : "dark";
    document.cookie = `weir_theme=${root.dataset["theme"]}; Path=/; Max-Age=${YEAR_SECONDS}; SameSite=Lax`;
  });
}
