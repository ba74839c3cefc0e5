// Dialogs: the browser's own element keeps the focus inside and closes on Escape.

/** Opens a dialog with a heading; `fill` puts content into its body and may close it. Its first field has the focus, else what it is about;
 * Enter in a field sends its form. */
export function openDialog(title: string, fill: (body: HTMLElement, close: () => void) => void): HTMLDialogElement {
  const dialog = document.createElement("dialog");
  const header = document.createElement("header");
  const heading = document.createElement("h2");
  heading.id = "dialog-title";
  heading.textContent = title;
  dialog.setAttribute("aria-labelledby", heading.id);
  const closing = document.createElement("button");
  closing.type = "button";
  closing.className = "quiet";
  closing.textContent = "Close";
  closing.addEventListener("click", () => dialog.close());
  header.append(heading, closing);
  const body = document.createElement("div");
  body.className = "body";
  dialog.append(header, body);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.target instanceof HTMLSelectElement)) return;
    event.preventDefault(); // Some browsers open a choice by it; space and the arrows open it in all.
    event.target.form?.requestSubmit();
  });
  document.body.append(dialog);
  fill(body, () => dialog.close());
  const first = body.querySelector<HTMLElement>("input, select, textarea") ?? body.querySelector<HTMLElement>("button.primary");
  if (first) first.autofocus = true;
  dialog.showModal();
  return dialog;
}
