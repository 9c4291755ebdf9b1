import { assertEquals } from "@std/assert";
import { O_RDWR } from "../linux/constants.gen.ts";
import { createFrame } from "./frame.ts";
import { streamSteps, terminalSteps } from "./terminal.ts";
import { namesOf, opsOf } from "./testing.ts";

Deno.test("a terminal is made out of the container's devpts, sent away and only then made the streams", () => {
  const frame = createFrame(true);
  const steps = terminalSteps(
    { consoleSize: { height: 24, width: 80 }, user: { uid: 7, gid: 8 } },
    frame,
    false,
  );
  assertEquals(namesOf(steps), [
    "open_pty",
    "chown",
    "send_descriptor",
    "close",
    "set_stdio",
    "controlling_terminal",
  ]);
  const [pty] = opsOf(steps, "open_pty");
  assertEquals([pty!.path, pty!.rows, pty!.columns], ["dev/pts/ptmx", 24, 80]);
  assertEquals(opsOf(steps, "chown"), [{ op: "chown", slot: pty!.peer, uid: 7, gid: 0xffffffff }]);
  const [sent] = opsOf(steps, "send_descriptor");
  assertEquals([sent!.socket, sent!.slot], [frame.consoleSocket, pty!.master]);
  assertEquals(opsOf(steps, "close")[0]!.slot, pty!.master);
  assertEquals(opsOf(steps, "set_stdio")[0]!.slot, pty!.peer);
});

Deno.test("without a size the kernel's own stays, and without a console socket the master comes to us", () => {
  const steps = terminalSteps({}, createFrame(false), false);
  const [pty] = opsOf(steps, "open_pty");
  assertEquals([pty!.rows, pty!.columns], [0, 0]);
  assertEquals(opsOf(steps, "send_descriptor")[0]!.socket, null);
  assertEquals(opsOf(steps, "chown")[0]!.uid, 0);
});

Deno.test("/dev/console is a mount of the peer by its descriptor, never by a path (CVE-2025-52565)", () => {
  const frame = createFrame(true);
  const steps = terminalSteps({}, frame, true);
  const [pty] = opsOf(steps, "open_pty");
  const [tree] = opsOf(steps, "open_tree");
  assertEquals([tree!.root, tree!.path], [pty!.peer, ""]);
  const [target] = opsOf(steps, "make_mountpoint");
  assertEquals([target!.path, target!.root, target!.type], ["dev/console", frame.root, 0o100000]);
  const [move] = opsOf(steps, "move_mount");
  assertEquals([move!.mount, move!.target], [tree!.slot, target!.slot]);
});

Deno.test("streams at the host's null device become the container's, which is checked to be one", () => {
  const frame = createFrame(false);
  const slot = 30;
  const steps = streamSteps({ user: { uid: 5, gid: 5 } }, frame, slot);
  assertEquals(namesOf(steps), ["open", "require_device", "reopen_null", "stdio_owner"]);
  const [open] = opsOf(steps, "open");
  assertEquals([open!.root, open!.path, open!.flags], [frame.root, "dev/null", O_RDWR]);
  assertEquals(opsOf(steps, "require_device"), [{ op: "require_device", slot, major: 1, minor: 3 }]);
  assertEquals(opsOf(steps, "stdio_owner")[0]!.uid, 5);
});
