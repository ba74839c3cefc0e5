// The editor of a rule's text: CodeMirror with YAML, completion and marks where something is wrong.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionSource } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

/** Something wrong at a line and column, both from 1. */
export interface Mark {
  line: number;
  column: number;
  severity: "error" | "warning";
  message: string;
}

export interface Editor {
  text: () => string;
  replace: (text: string) => void;
  mark: (marks: readonly Mark[]) => void;
  goTo: (line: number) => void;
}

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: tags.string, color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.atom], color: "var(--warning)" },
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--muted)" },
]);

const look = EditorView.theme({
  "&": { fontSize: "var(--small)", maxHeight: "62vh", minHeight: "260px" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55", overflow: "auto" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { background: "var(--surface)", color: "var(--muted)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { background: "var(--hover)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "var(--selected)" },
  ".cm-tooltip": { background: "var(--raised)", color: "var(--text)", border: "1px solid var(--line-strong)", borderRadius: "var(--radius)" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { background: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionDetail": { color: "inherit", fontStyle: "normal", opacity: "0.8" },
  ".cm-diagnostic": { whiteSpace: "pre-wrap", maxWidth: "60ch" },
});

/** Puts an editor in the place of what is in `place`. */
export function openEditor(
  place: HTMLElement,
  options: { text: string; nonce: string; isReadOnly: boolean; complete: CompletionSource; onChange: () => void; onSave: () => void },
): Editor {
  place.replaceChildren();
  const view = new EditorView({
    parent: place,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        EditorView.cspNonce.of(options.nonce),
        EditorState.readOnly.of(options.isReadOnly),
        EditorView.contentAttributes.of({ "aria-label": "Text of the rule", tabindex: "0" }),
        keymap.of([
          { key: "Mod-s", preventDefault: true, run: () => (options.onSave(), true) },
          ...closeBracketsKeymap,
          ...defaultKeymap,
          ...historyKeymap,
          ...completionKeymap,
          ...lintKeymap,
          indentWithTab,
        ]),
        lineNumbers(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(), highlightActiveLine(),
        indentUnit.of("  "), EditorState.tabSize.of(2), yaml(), syntaxHighlighting(colours), lintGutter(), look,
        autocompletion({ override: [options.complete] }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onChange();
        }),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    replace: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    mark: (marks) => view.dispatch(setDiagnostics(view.state, marks.map((mark) => diagnosticOf(view.state, mark)))),
    goTo: (line) => {
      const at = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
      view.dispatch({ selection: { anchor: at.from }, effects: EditorView.scrollIntoView(at.from, { y: "center" }) });
      view.focus();
    },
  };
}

/** The word at the place of a mark, or its whole line where the place is behind its end. */
function diagnosticOf(state: EditorState, mark: Mark): Diagnostic {
  const line = state.doc.line(Math.min(Math.max(mark.line, 1), state.doc.lines));
  const from = Math.min(line.from + Math.max(mark.column - 1, 0), line.to);
  const word = /^[\w.]+/.exec(state.doc.sliceString(from, line.to));
  const to = word ? from + word[0].length : line.to;
  return { from: from === to ? line.from : from, to, severity: mark.severity, message: mark.message };
}
