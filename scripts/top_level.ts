import { REGEX_MARK } from "./source_text.ts";

/** Work that a module does when it is loaded. */
export interface Work {
  readonly position: number;
  readonly what: string;
}

/**
 * Calls, `new` and regular expressions that run while a module is loaded: those outside every function and class.
 * `code` is the text from `codeOf`. Literals of objects and arrays, arithmetic and functions are no work.
 */
export function topLevelWork(code: string): Work[] {
  const found: Work[] = [];
  const token = /[A-Za-z_$][\w$]*|=>|§+|[^\s\w]/g;
  let previous = "";
  let match: RegExpExecArray | null;
  while ((match = token.exec(code)) !== null) {
    const [text] = match;
    const at = match.index;
    if (text === "=>") {
      token.lastIndex = arrowEnd(code, token.lastIndex);
      previous = ")";
      continue;
    }
    if (text === "function" || text === "class" || text === "interface") {
      token.lastIndex = bodyEnd(code, token.lastIndex);
      previous = ";";
      continue;
    }
    if (text === "type" && /^\s+\w+\s*(<[^=]*>)?\s*=/.test(code.slice(token.lastIndex))) {
      token.lastIndex = statementEnd(code, token.lastIndex);
      previous = ";";
      continue;
    }
    // The type of a declaration: up to its `=`.
    if (text === ":" && declares(code, at)) {
      token.lastIndex = typeEnd(code, token.lastIndex);
      previous = "=";
      continue;
    }
    if (text.startsWith(REGEX_MARK)) found.push({ position: at, what: "a regular expression" });
    else if (text === "new") found.push({ position: at, what: "new" });
    else if (text === "(" && /^[\w$)\]>]/.test(previous) && !KEYWORDS.includes(previous)) {
      const end = matching(code, at);
      if (/^\s*(:[^={;]*)?\{/.test(code.slice(end)) && previous !== ")") {
        // A method of an object literal.
        token.lastIndex = bodyEnd(code, end);
        previous = "}";
        continue;
      }
      if (!/^\s*(:[^=,;]*)?=>/.test(code.slice(end))) {
        found.push({ position: at, what: `a call of ${previous}()` });
      }
    }
    previous = text;
  }
  // One `new Map(x)` is one fault, not a call besides.
  return found.filter(({ position }, i) => {
    const before = found[i - 1];
    return before?.what !== "new" || /[;\n]/.test(code.slice(before.position, position));
  });
}

const KEYWORDS = [
  "if",
  "for",
  "while",
  "switch",
  "return",
  "as",
  "satisfies",
  "import",
  "typeof",
  "const",
  "extends",
];

const OPENS = "([{";
const CLOSES = ")]}";

/** Just behind the bracket that closes the one at `from`. */
function matching(code: string, from: number): number {
  let depth = 0;
  for (let at = from; at < code.length; at++) {
    if (OPENS.includes(code[at]!)) depth++;
    else if (CLOSES.includes(code[at]!) && --depth === 0) return at + 1;
  }
  return code.length;
}

/** Behind the body of a function or a class whose head begins at `from`; braces in the types of the head are no body. */
function bodyEnd(code: string, from: number): number {
  let before = "";
  for (let at = from; at < code.length;) {
    const one = code[at]!;
    const isBody = one === "{" && !":|&<,(=".includes(before || "{") &&
      !/\bextends\s*$/.test(code.slice(from, at));
    if (isBody) return matching(code, at);
    // An overload or a declaration has no body.
    if (one === ";") return at;
    if (!/\s/.test(one)) before = one;
    if (OPENS.includes(one)) {
      at = matching(code, at);
      before = code[at - 1]!;
    } else at++;
  }
  return code.length;
}

/** Where an arrow function's body ends: at a comma, a semicolon or a bracket that closes what is around it. */
function arrowEnd(code: string, from: number): number {
  for (let at = from; at < code.length;) {
    const one = code[at]!;
    if (OPENS.includes(one)) at = matching(code, at);
    else if (one === "," || one === ";" || CLOSES.includes(one)) return at;
    else at++;
  }
  return code.length;
}

function statementEnd(code: string, from: number): number {
  let at = from;
  while (at < code.length && code[at] !== ";") at = OPENS.includes(code[at]!) ? matching(code, at) : at + 1;
  return at;
}

/** Whether a colon follows the name that a `const` or `let` declares. */
function declares(code: string, colon: number): boolean {
  return /(?:^|[;}\s])(?:const|let|var)\s+[\w$]+\s*$/.test(code.slice(Math.max(0, colon - 120), colon));
}

/** The `=` behind a declaration's type; an arrow in the type is none. */
function typeEnd(code: string, from: number): number {
  for (let at = from; at < code.length;) {
    const one = code[at]!;
    if (one === "=" && code[at + 1] !== ">") return at + 1;
    if (one === ";") return at;
    at = OPENS.includes(one) ? matching(code, at) : at + 1;
  }
  return code.length;
}
