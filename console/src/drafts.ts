// What somebody has typed outlives a page that goes away, in its window.

/** Keeps what is typed into `field` under `name`, and writes it there again; gives what forgets it. */
export function keepDraft(field: HTMLTextAreaElement, name: string): () => void {
  const key = `draft:${name}`;
  const kept = sessionStorage.getItem(key);
  if (kept) field.value = kept;
  field.addEventListener("input", () => sessionStorage.setItem(key, field.value));
  return () => {
    sessionStorage.removeItem(key);
    field.value = "";
  };
}
