/** Bytes of a NUL-terminated string, for a parameter of type `const char *`. Throws TypeError on a NUL inside. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError(`Cannot pass ${JSON.stringify(text)} to C: it holds a NUL`);
  return new TextEncoder().encode(text + "\0") as Uint8Array<ArrayBuffer>;
}
