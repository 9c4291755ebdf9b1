/** The complete types of a signature, one after another: `sa(sv)u` → `s`, `a(sv)`, `u`. */
export function typesOf(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length;) {
    const end = endOfType(signature, at);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function endOfType(signature: string, start: number): number {
  let at = start;
  while (signature[at] === "a") at++;
  if (signature[at] !== "(") return at + 1;
  for (let depth = 0;; at++) {
    if (signature[at] === "(") depth++;
    if (signature[at] === ")" && --depth === 0) return at + 1;
    if (at >= signature.length) throw new RangeError(`no D-Bus signature: ${signature}`);
  }
}
