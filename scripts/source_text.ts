/** What stands for a regular expression's text in `codeOf`. */
export const REGEX_MARK = "§";

/**
 * A source text with comments and the insides of strings blanked, character for character, so that a position or a
 * line in one is the same in the other. TypeScript and C alike. Code inside `${}` stays. A regular expression
 * becomes marks: it is told from a division by what stands before it.
 */
export function codeOf(text: string): string {
  const out: string[] = [];
  const length = text.length;
  // For each template literal that is open: how many braces are open inside its `${}`.
  const templates: number[] = [];
  let at = 0;
  const blank = (end: number, mark = " ") => {
    for (; at < end; at++) out.push(text[at] === "\n" ? "\n" : mark);
  };
  const keep = () => out.push(text[at++]!);

  while (at < length) {
    const two = text.slice(at, at + 2);
    const one = text[at]!;
    if (two === "//") blank(endOf(text, "\n", at, 0));
    else if (two === "/*") blank(endOf(text, "*/", at + 2, 2));
    else if (one === '"' || one === "'") {
      keep();
      blank(stringEnd(text, at, one));
      if (at < length) keep();
    } else if (one === "`" || (one === "}" && templates.at(-1) === 0)) {
      if (one === "}") templates.pop();
      keep();
      const end = templateEnd(text, at);
      blank(end);
      if (text[at] === "$") {
        keep();
        templates.push(0);
      }
      if (at < length) keep();
    } else if (one === "/" && beginsRegex(out)) blank(regexEnd(text, at), REGEX_MARK);
    else {
      if (templates.length > 0 && (one === "{" || one === "}")) {
        templates[templates.length - 1]! += one === "{" ? 1 : -1;
      }
      keep();
    }
  }
  return out.join("");
}

/** The number of the line, from 1, that a position stands in. */
export function lineOf(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < position; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

function endOf(text: string, mark: string, from: number, more: number): number {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found + more;
}

function stringEnd(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
  return Math.min(at, text.length);
}

/** Where a template's literal part ends: at its back-quote or at the `$` of `${`. */
function templateEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== "`" && text.slice(at, at + 2) !== "${") {
    at += text[at] === "\\" ? 2 : 1;
  }
  return Math.min(at, text.length);
}

function regexEnd(text: string, from: number): number {
  let at = from + 1;
  for (let inClass = false; at < text.length && (inClass || text[at] !== "/"); at++) {
    if (text[at] === "\n") return at;
    if (text[at] === "\\") at++;
    else if (text[at] === "[") inClass = true;
    else if (text[at] === "]") inClass = false;
  }
  at++;
  while (/[a-z]/.test(text[at] ?? "")) at++;
  return Math.min(at, text.length);
}

/** After a value a slash divides; after an operator, a bracket that opens, or `return` it begins an expression. */
function beginsRegex(before: readonly string[]): boolean {
  let at = before.length - 1;
  while (at >= 0 && /\s/.test(before[at]!)) at--;
  if (at < 0) return true;
  if (/[=(,:[!&|?{};+<>]/.test(before[at]!)) return true;
  return /\b(return|typeof|case)$/.test(before.slice(Math.max(0, at - 7), at + 1).join(""));
}
