/**
 * Why no container can be made here, or undefined where one can: without CAP_SYS_ADMIN and without user namespaces
 * (inside a plain container of another engine) the end-to-end tests are passed over, by this reason.
 */
export function whyNoContainers(): string | undefined {
  const status = Deno.readTextFileSync("/proc/self/status");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const CAP_SYS_ADMIN = 21n;
  if (Deno.uid() !== 0) return "the end-to-end tests want to be root";
  if ((effective >> CAP_SYS_ADMIN & 1n) === 0n) return "CAP_SYS_ADMIN is missing";
  return undefined;
}

/** Whether a program is installed. */
export function hasProgram(name: string): boolean {
  return ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].some((folder) => {
    try {
      return Deno.statSync(`${folder}/${name}`).isFile;
    } catch {
      return false;
    }
  });
}
