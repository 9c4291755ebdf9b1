/** The name of a user of the host, from /etc/passwd; `#uid` for one that is not listed there. */
export function userName(uid: number): string {
  if (uid === 0) return "root";
  let text = "";
  try {
    text = Deno.readTextFileSync("/etc/passwd");
  } catch {
    // A host without the file has no names.
  }
  for (const line of text.split("\n")) {
    const fields = line.split(":");
    if (fields[2] === String(uid)) return fields[0]!;
  }
  return `#${uid}`;
}
