// Short messages at the edge, which may offer to undo what was done.

const SHOWN_MS = 10_000;

/** Shows a message; with `undo` it has a button for it, and stays longer. Gives what takes it away. */
export function toast(text: string, options: { undo?: () => void; isFault?: boolean } = {}): () => void {
  const shown = document.createElement("div");
  shown.className = options.isFault ? "toast danger" : "toast";
  const words = document.createElement("span");
  words.textContent = text;
  shown.append(words);
  const remove = (): void => shown.remove();
  const { undo } = options;
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Undo";
    button.addEventListener("click", () => {
      remove();
      undo();
    });
    shown.append(button);
  }
  region().append(shown);
  setTimeout(remove, undo ? 2 * SHOWN_MS : SHOWN_MS);
  return remove;
}

function region(): HTMLElement {
  const found = document.getElementById("toasts");
  if (!found) throw new Error("the layout has no place for messages");
  return found;
}
