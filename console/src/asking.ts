// A dialog that asks why before something is done; where bounds are not kept, it says which, and may do it all the same.

import { Fault } from "./api.js";
import { openDialog } from "./dialog.js";
import { html, render, type Shown } from "./html.js";
import { toast } from "./toast.js";

export type Said = Record<string, unknown>;

interface Asked {
  /** A field beside the reason, and how it is read. */
  field?: Shown;
  read?: (form: FormData) => Said;
  /** Whether a reason has to be given. */
  isReasonNeeded?: boolean;
}

/** Asks, and then sends what was said; a refusal stays in the dialog with what was typed. */
export function askFor(title: string, send: (said: Said) => Promise<void>, asked: Asked = {}): void {
  openDialog(title, (body, close) => {
    let needed: string[] = [];
    const submit = async (event: SubmitEvent): Promise<void> => {
      event.preventDefault();
      const form = new FormData(event.currentTarget as HTMLFormElement);
      try {
        await send(saidIn(form, asked));
        close();
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        needed = (error.problem as { needed?: string[] }).needed ?? [];
        if (needed.length) show();
        else toast(error.message, { isFault: true });
      }
    };
    const show = (): void => render(formOf(title, needed, asked, (event) => void submit(event), close), body);
    show();
  });
}

function saidIn(form: FormData, asked: Asked): Said {
  return { reason: String(form.get("reason") ?? ""), ...(asked.read?.(form) ?? {}), ...(form.get("override") ? { override: true } : {}) };
}

function formOf(title: string, needed: readonly string[], asked: Asked, submit: (event: SubmitEvent) => void, close: () => void): Shown {
  return html`<form class="stack" onSubmit=${submit}>
    ${asked.field}
    <label class="field"><span>Why, for the audit log</span><input type="text" name="reason" maxlength="500" required=${needed.length > 0 || asked.isReasonNeeded} /></label>
    ${needed.length > 0 && html`<div class="banner warning" role="alert"><strong>It does not keep the bounds of its promotion yet:</strong><ul class="points">${needed.map((each) => html`<li>${each}</li>`)}</ul></div>
      <label><input type="checkbox" name="override" required /> Let it act all the same</label>`}
    <div class="row"><button class="primary">${title}</button><button type="button" onClick=${close}>Leave it</button></div>
  </form>`;
}
