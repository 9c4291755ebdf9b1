import type { Origin } from "../errors.ts";
import { O_RDWR, S_IFREG } from "../linux/constants.gen.ts";
import type { Process } from "../spec/schema.ts";
import { userOf } from "../spec/user.ts";
import { type Frame, step, type TerminalFrame } from "./frame.ts";
import type { Step } from "./plan.ts";
import { nullDeviceSteps } from "./rootfs.ts";

const TERMINAL: Origin = ["process", "terminal"];

/**
 * A terminal out of the container's own devpts, its master sent away, its peer the process's standard streams.
 * `bindConsole`: it also stands at /dev/console, as a mount of the peer itself (CVE-2025-52565).
 */
export function terminalSteps(process: Process, frame: TerminalFrame, bindConsole: boolean): Step[] {
  const { root, scratch: master, tree: peer, target } = frame;
  const size = process.consoleSize;
  const steps = [
    step({
      op: "open_pty",
      root,
      path: "dev/pts/ptmx",
      master,
      peer,
      rows: size?.height ?? 0,
      columns: size?.width ?? 0,
    }, TERMINAL),
    step({ op: "chown", slot: peer, uid: userOf(process).uid, gid: 0xffffffff }, TERMINAL),
  ];
  if (bindConsole) {
    const console = frame.slots.make("/dev/console");
    steps.push(
      step({
        op: "make_mountpoint",
        slot: target,
        root,
        path: "dev/console",
        like: null,
        type: S_IFREG,
        mode: 0o666,
      }, TERMINAL),
      step({ op: "open_tree", slot: console, root: peer, path: "", recursive: 0, resolve: 0 }, TERMINAL),
      step({ op: "move_mount", mount: console, target }, TERMINAL),
    );
  }
  return [
    ...steps,
    step({ op: "send_descriptor", socket: frame.consoleSocket, slot: master, text: "/dev/ptmx" }, TERMINAL),
    step({ op: "close", slot: master }, TERMINAL),
    step({ op: "set_stdio", slot: peer }, TERMINAL),
    step({ op: "controlling_terminal" }, TERMINAL),
  ];
}

/** Without a terminal: streams at the host's null device become the container's, then they change owner. */
export function streamSteps(process: Process, frame: Frame, nullDevice: number): Step[] {
  return [
    ...nullDeviceSteps(frame, nullDevice, O_RDWR, ["process"]),
    step({ op: "reopen_null", null: nullDevice }, ["process"]),
    step({ op: "stdio_owner", uid: userOf(process).uid }, ["process", "user", "uid"]),
  ];
}
