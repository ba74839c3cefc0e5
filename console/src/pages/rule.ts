// One rule: its editor with tests, its steps, backtests, versions, and why it matched an event.

import "./every_page.js";
import { get } from "../api.js";
import { onKey } from "../keyboard.js";
import { listenToBacktests } from "../rule/backtest.js";
import { checkWhileWriting } from "../rule/checking.js";
import { completionOf, type Vocabulary } from "../rule/completion.js";
import { openEditor } from "../rule/editor.js";
import type { Given } from "../rule/given.js";
import { listenToMoves } from "../rule/moves.js";
import { keepText, keptText, save } from "../rule/saving.js";
import { listenToVersions } from "../rule/versions.js";
import { listenToWhy } from "../rule/why.js";

const place = document.getElementById("editor");
if (place) begin(place, JSON.parse(place.dataset["given"] ?? "{}") as Given);

function begin(place: HTMLElement, given: Given): void {
  const button = document.querySelector<HTMLButtonElement>("#save");
  const back = document.querySelector<HTMLButtonElement>("#take-back");
  let vocabulary: Vocabulary | null = null;
  const isChanged = (): boolean => !given.hash || editor.text() !== given.text;
  const store = (): void => {
    if (button && !button.disabled) void save(given, editor);
  };
  const checking = checkWhileWriting(given, () => editor, (isGood) => {
    if (button) button.disabled = !isGood || !isChanged();
  });
  const changed = (): void => {
    keepText(given, editor.text());
    if (button) button.disabled = true;
    if (back) back.hidden = editor.text() === given.text;
    checking.changed();
  };
  const editor = openEditor(place, {
    text: keptText(given) ?? given.text, nonce: place.dataset["nonce"] ?? "", isReadOnly: !given.may_write,
    complete: completionOf(() => vocabulary), onChange: changed, onSave: store,
  });
  changed();
  if (!given.hash) editor.goTo(1);
  button?.addEventListener("click", store);
  back?.addEventListener("click", () => editor.replace(given.text));
  void get<Vocabulary>("/v1/patterns:vocabulary").then(({ body }) => (vocabulary = body), () => undefined);
  const explain = listenToWhy(given);
  listenToMoves(given);
  listenToVersions(given);
  void listenToBacktests(given, () => editor.text(), explain);
  onKey("write", () => place.querySelector<HTMLElement>(".cm-content")?.focus(), "Write the rule");
  onKey("back", () => location.assign("/rules"), "Back to all rules");
}
