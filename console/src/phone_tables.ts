// Tables on a phone: a row of four cells or more is a card there (style.css), in which each cell bears the name of its column.

const PHONE = "(max-width: 600px)";

/** Names the cells of all tables of the page, and of those that come later, while the window is as narrow as a phone. */
export function nameCellsOnPhones(): void {
  const phone = matchMedia(PHONE);
  const watching = new MutationObserver(nameAll);
  const follow = (): void => {
    watching.disconnect();
    if (!phone.matches) return;
    nameAll();
    watching.observe(document.body, { childList: true, subtree: true });
  };
  phone.addEventListener("change", follow);
  follow();
}

function nameAll(): void {
  for (const table of document.querySelectorAll("table")) {
    const names = [...(table.tHead?.rows[0]?.cells ?? [])].map((head) => (head.querySelector(".unseen") ? "" : (head.textContent ?? "").trim()));
    for (const body of table.tBodies) for (const row of body.rows) nameCells(row, names);
  }
}

function nameCells(row: HTMLTableRowElement, names: readonly string[]): void {
  for (const [place, cell] of [...row.cells].entries()) cell.dataset["label"] = isEmpty(cell) ? "" : (names[place] ?? "");
}

function isEmpty(cell: HTMLTableCellElement): boolean {
  return !(cell.textContent ?? "").trim() && !cell.querySelector("svg, input, button");
}
