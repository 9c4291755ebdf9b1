import { descendants } from "./processes.ts";
import { parseLayout } from "../../src/cgroup/layout.ts";
import { decodeMessage, encodeMessage, type Message, type Saying, type Value, type Variant } from "./dbus.ts";

const MANAGER = "org.freedesktop.systemd1.Manager";
const ERROR = "org.freedesktop.systemd1.";

/** How a test has systemd fail. */
export interface Faults {
  /** Methods that are answered with an error: its name and its words. */
  readonly errors?: Readonly<Record<string, readonly [name: string, words: string]>>;
  /** What becomes of the job that starts a unit; `done` when left out. */
  readonly result?: string;
  /** A method in whose stead the connection ends. */
  readonly hangUpAt?: string;
  /** It is in another pid namespace. */
  readonly otherNumbers?: boolean;
  /** Processes are not moved. */
  readonly unmoved?: boolean;
}

/** A property as it came: name, signature and value. */
export type Property = readonly [name: string, signature: string, value: Value];

/**
 * A bus with nothing but a systemd on it, which knows transient units: it makes their groups and moves processes into
 * them. It speaks D-Bus itself, so that what libsystemd was told to say is seen as it is on the wire.
 */
export class FakeSystemd {
  /** Calls of systemd's methods, in their order. */
  readonly calls: { readonly member: string; readonly body: readonly Value[] }[] = [];
  readonly units = new Map<string, string[]>();
  faults: Faults = {};
  readonly #slices = new Set<string>();
  #serial = 1;
  #job = 0;
  readonly #listener: Deno.UnixListener;
  readonly #connections = new Set<Deno.UnixConn>();
  readonly #ended: Promise<void>;

  constructor(readonly path: string) {
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#ended = this.#accept();
  }

  /** The environment in which this bus is the system's. */
  get env(): Record<string, string> {
    return { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${this.path}` };
  }

  async close(): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    await this.#ended;
    // systemd's part is to remove slices that nobody needs any more; it would leave those of trees that it does not manage.
    for (const slice of this.#slices) {
      for (const root of allRoots()) if (exists(`${root}/${slice}`)) Deno.removeSync(`${root}/${slice}`);
    }
  }

  /** The properties of the call of a method; of its last call. */
  properties(member: "StartTransientUnit" | "SetUnitProperties"): Property[] {
    const call = this.calls.findLast((each) => each.member === member);
    const pairs = (call?.body[2] ?? []) as [string, Variant][];
    return pairs.map(([name, { signature, value }]) => [name, signature, value]);
  }

  members(): string[] {
    return this.calls.map(({ member }) => member);
  }

  async #accept(): Promise<void> {
    const conversations: Promise<void>[] = [];
    try {
      for await (const connection of this.#listener) {
        this.#connections.add(connection);
        conversations.push(
          this.#serve(connection).catch((error) => {
            if (!(error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted)) {
              throw error;
            }
          }),
        );
      }
    } finally {
      await Promise.all(conversations);
    }
  }

  async #serve(connection: Deno.UnixConn): Promise<void> {
    let bytes: Uint8Array<ArrayBuffer> = new Uint8Array();
    let greeted = false;
    const chunk = new Uint8Array(65536);
    for (;;) {
      const size = await connection.read(chunk).catch((error) => {
        if (error instanceof Deno.errors.ConnectionReset) return null;
        throw error;
      });
      if (size === null) break;
      bytes = Uint8Array.from([...bytes, ...chunk.subarray(0, size)]);
      if (!greeted) {
        // sd-bus sends its whole part of the authentication at once (D-Bus specification, "Authentication Protocol").
        const end = new TextDecoder().decode(bytes).indexOf("BEGIN\r\n");
        if (end < 0) continue;
        await write(
          connection,
          new TextEncoder().encode("DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nERROR\r\n"),
        );
        bytes = bytes.slice(end + "BEGIN\r\n".length);
        greeted = true;
      }
      for (let next = decodeMessage(bytes); next !== undefined; next = decodeMessage(bytes)) {
        bytes = bytes.slice(next.length);
        if (next.message.member === this.faults.hangUpAt) return this.#hangUp(connection);
        for (const saying of this.#answer(next.message)) {
          await write(connection, encodeMessage(this.#serial++, saying));
        }
      }
    }
    this.#hangUp(connection);
  }

  #hangUp(connection: Deno.UnixConn): void {
    if (this.#connections.delete(connection)) connection.close();
  }

  #answer(call: Message): Saying[] {
    const { member, body } = call;
    if (member === "GetConnectionUnixProcessID") {
      return [reply(call, "u", [this.faults.otherNumbers === true ? 7 : callerPid()])];
    }
    if (call.destination === "org.freedesktop.DBus") {
      return [reply(call, member === "Hello" ? "s" : "", [":1.7"])];
    }
    this.calls.push({ member, body });
    const [name, words] = this.faults.errors?.[member] ?? [];
    if (name !== undefined) return [failure(call, name, words!)];
    if (member === "Get") {
      const value = body[1] === "Version" ? "252.39-1~deb12u2" : "";
      return [reply(call, "v", [{ signature: "s", value }])];
    }
    if (call.interface !== MANAGER) throw new Error(`nobody knows ${call.interface}.${member}`);
    const unit = body[0] as string;
    if (member === "StartTransientUnit") return this.#start(call, unit);
    if (member === "StopUnit") return this.#stop(call, unit);
    if (member === "SetUnitProperties" && !this.units.has(unit)) return [noSuchUnit(call, unit)];
    return [reply(call, "", [])];
  }

  #start(call: Message, unit: string): Saying[] {
    if (this.units.has(unit)) return [failure(call, `${ERROR}UnitExists`, `Unit ${unit} already exists.`)];
    const properties = new Map(
      (call.body[2] as [string, Variant][]).map(([name, { value }]) => [name, value]),
    );
    const slice = properties.get("Slice") as string;
    this.#slices.add(slice);
    const directories = managedRoots().map((root) => `${root}/${slice}/${unit}`);
    for (const directory of directories) {
      Deno.mkdirSync(directory, { recursive: true });
      for (const pid of this.faults.unmoved === true ? [] : properties.get("PIDs") as number[]) {
        Deno.writeTextFileSync(`${directory}/cgroup.procs`, `${pid}`);
      }
    }
    const { result = "done" } = this.faults;
    this.units.set(unit, directories);
    return this.#job_(call, unit, result);
  }

  #stop(call: Message, unit: string): Saying[] {
    const directories = this.units.get(unit);
    if (directories === undefined) return [noSuchUnit(call, unit)];
    this.units.delete(unit);
    for (const directory of directories) killGroup(directory);
    return this.#job_(call, unit, "done");
  }

  /** The answer with the job's path, and the signal of its end: one of another job before it. */
  #job_(call: Message, unit: string, result: string): Saying[] {
    const id = ++this.#job;
    const path = `/org/freedesktop/systemd1/job/${id}`;
    const removed = (number: number, result: string): Saying => ({
      type: "signal",
      fields: {
        path: { signature: "o", value: "/org/freedesktop/systemd1" },
        interface: { signature: "s", value: MANAGER },
        member: { signature: "s", value: "JobRemoved" },
        sender: { signature: "s", value: ":1.1" },
      },
      signature: "uoss",
      body: [number, `/org/freedesktop/systemd1/job/${number}`, unit, result],
    });
    return [removed(id + 1000, "failed"), reply(call, "o", [path]), removed(id, result)];
  }
}

/** The runtime that a test has called: one at a time talks here. */
function callerPid(): number {
  return descendants().find(({ name, parent }) => name === "dunc" && parent === Deno.pid)!.pid;
}

/** Where a systemd makes its groups on this host: its own v1 tree, that of memory, and the v2 tree. */
function managedRoots(): string[] {
  return allRoots().filter((root) => !/^\/sys\/fs\/cgroup\/(?!systemd|memory|unified)/.test(root));
}

function allRoots(): string[] {
  const { hierarchies, unified } = parseLayout(
    Deno.readTextFileSync("/proc/self/mountinfo"),
    Deno.readTextFileSync("/proc/self/cgroup"),
  );
  return [...hierarchies, ...unified === undefined ? [] : [unified]].map(({ mountpoint }) => mountpoint);
}

/** Kill what is in a group, and remove it. */
function killGroup(directory: string): void {
  const pids = () =>
    Deno.readTextFileSync(`${directory}/cgroup.procs`).split("\n").filter((line) => line !== "");
  for (const pid of pids()) Deno.kill(Number(pid), "SIGKILL");
  for (let round = 0; pids().length > 0 && round < 1000; round++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
  Deno.removeSync(directory);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function reply(call: Message, signature: string, body: readonly Value[]): Saying {
  return {
    type: "return",
    fields: {
      replySerial: { signature: "u", value: call.serial },
      sender: { signature: "s", value: ":1.1" },
    },
    signature,
    body,
  };
}

function failure(call: Message, name: string, words: string): Saying {
  return {
    type: "error",
    fields: {
      errorName: { signature: "s", value: name },
      replySerial: { signature: "u", value: call.serial },
      sender: { signature: "s", value: ":1.1" },
    },
    signature: "s",
    body: [words],
  };
}

function noSuchUnit(call: Message, unit: string): Saying {
  return failure(call, `${ERROR}NoSuchUnit`, `Unit ${unit} not loaded.`);
}

async function write(connection: Deno.UnixConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
