// Completes the file of a rule: its keys by the JSON Schema, and in conditions the names of the release.

import type { Completion, CompletionContext, CompletionResult, CompletionSource } from "@codemirror/autocomplete";

interface Shape {
  $ref?: string;
  anyOf?: Shape[];
  items?: Shape;
  properties?: Record<string, Shape>;
  description?: string;
  enum?: (string | number)[];
  type?: string;
}

export interface Vocabulary {
  file: Shape & { $defs: Record<string, Shape> };
  names: { name: string; type: string; about: string }[];
  lists: string[];
  functions: string[];
}

/** A source that knows nothing until `vocabulary` has come. */
export function completionOf(vocabulary: () => Vocabulary | null): CompletionSource {
  return (context) => {
    const known = vocabulary();
    return known && (namesAt(context, known) ?? keysAt(context, known));
  };
}

function namesAt(context: CompletionContext, known: Vocabulary): CompletionResult | null {
  const word = context.matchBefore(/[A-Za-z_][\w.]*/);
  const before = context.state.doc.lineAt(context.pos).text.slice(0, (word?.from ?? context.pos) - context.state.doc.lineAt(context.pos).from);
  if (!/(\bwhen|\bof|\bexpression|\buntil|\bkey|\breason):|[{(&|=<>!+*/-]\s*$/.test(before) && !word?.text.includes(".")) return null;
  if (!word && !context.explicit) return null;
  if (!/:/.test(before) && !word?.text.includes(".")) return null;
  return { from: word?.from ?? context.pos, options: namesOf(known), validFor: /^[\w.]*$/ };
}

function namesOf(known: Vocabulary): Completion[] {
  return [
    ...known.names.map(({ name, type, about }) => ({ label: name, detail: type, type: "variable", ...(about ? { info: about } : {}) })),
    ...known.lists.map((name) => ({ label: `list.${name}`, detail: "list", type: "constant" })),
    ...known.functions.map((name) => ({ label: name, type: "function" })),
  ];
}

function keysAt(context: CompletionContext, known: Vocabulary): CompletionResult | null {
  const line = context.state.doc.lineAt(context.pos);
  const typed = /^(\s*(?:- )?)([a-z_]*)$/.exec(line.text.slice(0, context.pos - line.from));
  const value = /^\s*(?:- )?([a-z_]+): ([a-z_]*)$/.exec(line.text.slice(0, context.pos - line.from));
  const indent = (typed ?? value)?.[0].search(/[a-z]|$/) ?? 0;
  const parents = parentsOf(context, line.number, indent);
  const shapes = shapesAt(known, parents);
  if (value) {
    const choices = shapes.flatMap((shape) => choicesOf(known, shape.properties?.[value[1] ?? ""]));
    return choices.length ? { from: context.pos - (value[2] ?? "").length, options: choices.map((label) => ({ label, type: "enum" })) } : null;
  }
  if (!typed || (!typed[2] && !context.explicit)) return null;
  const options = shapes.flatMap((shape) =>
    Object.entries(shape.properties ?? {}).map(([label, inside]) => ({
      label, type: "property", apply: `${label}: `, ...(inside.description ? { info: inside.description } : {}),
    })),
  );
  return options.length ? { from: context.pos - (typed[2] ?? "").length, options, validFor: /^[a-z_]*$/ } : null;
}

/** The keys above a line that hold what stands at `indent`, the outermost first. */
function parentsOf(context: CompletionContext, number: number, indent: number): string[] {
  const found: string[] = [];
  let outer = indent;
  for (let at = number - 1; at >= 1 && outer > 0; at -= 1) {
    const key = /^(\s*(?:- )?)([a-z_]+):/.exec(context.state.doc.line(at).text);
    const at_indent = key?.[1]?.length ?? Infinity;
    if (key && at_indent < outer) {
      found.unshift(key[2] ?? "");
      outer = at_indent;
    }
  }
  return found;
}

function shapesAt(known: Vocabulary, parents: readonly string[]): Shape[] {
  return parents.reduce<Shape[]>((shapes, key) => shapes.flatMap((shape) => resolved(known, shape.properties?.[key])), resolved(known, known.file));
}

/** A shape with its references and choices followed, and of a list that of its items. */
function resolved(known: Vocabulary, shape: Shape | undefined): Shape[] {
  if (!shape) return [];
  if (shape.$ref) return resolved(known, known.file.$defs[shape.$ref.split("/").pop() ?? ""]);
  if (shape.items) return resolved(known, shape.items);
  if (shape.properties) return [shape];
  return (shape.anyOf ?? []).flatMap((each) => resolved(known, each));
}

function choicesOf(known: Vocabulary, shape: Shape | undefined): string[] {
  if (!shape) return [];
  if (shape.enum) return shape.enum.map(String);
  if (shape.$ref) return choicesOf(known, known.file.$defs[shape.$ref.split("/").pop() ?? ""]);
  return (shape.anyOf ?? []).flatMap((each) => choicesOf(known, each));
}
