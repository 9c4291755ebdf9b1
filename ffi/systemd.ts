import type { Bus, BusMethod, BusValue, Variant } from "../src/cgroup/systemd_bus.ts";
import { BusError, ContainerError, errnoName, errnoText } from "../src/errors.ts";
import { typesOf } from "./dbus_types.ts";
import { cString } from "./memory.ts";

const SYMBOLS = {
  sd_bus_open_system: { parameters: ["buffer"], result: "i32" },
  sd_bus_new: { parameters: ["buffer"], result: "i32" },
  sd_bus_set_address: { parameters: ["pointer", "buffer"], result: "i32" },
  sd_bus_start: { parameters: ["pointer"], result: "i32" },
  sd_bus_open_user: { parameters: ["buffer"], result: "i32" },
  sd_bus_get_unique_name: { parameters: ["pointer", "buffer"], result: "i32" },
  sd_bus_flush_close_unref: { parameters: ["pointer"], result: "pointer" },
  sd_bus_message_new_method_call: {
    parameters: ["pointer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  sd_bus_message_append_basic: { parameters: ["pointer", "i8", "buffer"], result: "i32" },
  sd_bus_message_open_container: { parameters: ["pointer", "i8", "buffer"], result: "i32" },
  sd_bus_message_close_container: { parameters: ["pointer"], result: "i32" },
  sd_bus_message_read_basic: { parameters: ["pointer", "i8", "buffer"], result: "i32" },
  sd_bus_message_enter_container: { parameters: ["pointer", "i8", "buffer"], result: "i32" },
  sd_bus_message_is_signal: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  sd_bus_message_unref: { parameters: ["pointer"], result: "pointer" },
  sd_bus_call: { parameters: ["pointer", "pointer", "u64", "buffer", "buffer"], result: "i32" },
  sd_bus_error_free: { parameters: ["buffer"], result: "void" },
  sd_bus_process: { parameters: ["pointer", "buffer"], result: "i32" },
  sd_bus_wait: { parameters: ["pointer", "u64"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
type Pointer = Deno.PointerValue;

/** How long systemd may take to answer. */
const CALL_TIMEOUT_USEC = 30_000_000n;

let loaded: Library | undefined;

/** The host's own libsystemd, loaded on first use. */
function library(): Library {
  try {
    return loaded ??= Deno.dlopen("libsystemd.so.0", SYMBOLS).symbols;
  } catch (error) {
    throw new ContainerError("use systemd for cgroups", {
      place: "libsystemd.so.0",
      reason: error instanceof Error ? error.message : String(error),
      hint: "the systemd driver needs the host's libsystemd",
    });
  }
}

/**
 * Connect to the system's bus, or to that of the user's own manager (sd_bus_open_user(3):
 * $DBUS_SESSION_BUS_ADDRESS, else $XDG_RUNTIME_DIR/bus), or to systemd itself (`direct`, for root: a host may have no
 * D-Bus daemon).
 *
 * @throws BusError when nobody answers; ContainerError without libsystemd
 */
export function openBus(kind: "system" | "user" | "direct"): Bus {
  const lib = library();
  const bus = kind === "direct"
    ? openDirect(lib)
    : out((ret) => kind === "user" ? lib.sd_bus_open_user(ret) : lib.sd_bus_open_system(ret));
  return {
    hasBroker: kind !== "direct",
    call: (method, args, reply) => {
      const answer = callMethod(lib, bus, method, args);
      try {
        return readBasics(lib, answer, reply);
      } finally {
        lib.sd_bus_message_unref(answer);
      }
    },
    property: (of, name, type) => readProperty(lib, bus, of, name, type),
    signal: (of, types, timeoutMs) => awaitSignal(lib, bus, of, types, timeoutMs),
    name: () => {
      const ret = new BigUint64Array(1);
      checked(lib.sd_bus_get_unique_name(bus, new Uint8Array(ret.buffer)));
      return textAt(ret[0]!)!;
    },
    close: () => void lib.sd_bus_flush_close_unref(bus),
  };
}

function openDirect(lib: Library): Pointer {
  const bus = out((ret) => lib.sd_bus_new(ret));
  try {
    checked(lib.sd_bus_set_address(bus, cString("unix:path=/run/systemd/private")));
    checked(lib.sd_bus_start(bus));
    return bus;
  } catch (error) {
    lib.sd_bus_flush_close_unref(bus);
    throw error;
  }
}

/** The pointer that a function leaves in its first argument. */
function out(call: (ret: Uint8Array<ArrayBuffer>) => number): Pointer {
  const ret = new BigUint64Array(1);
  checked(call(new Uint8Array(ret.buffer)));
  return Deno.UnsafePointer.create(ret[0]!);
}

/** A result of libsystemd: negative is -errno. */
function checked(result: number): number {
  if (result < 0) throw failure(-result);
  return result;
}

function failure(number: number): BusError {
  const errno = errnoName(number);
  const ENOMEDIUM = 123;
  const words = number === ENOMEDIUM
    ? "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set"
    : errnoText(errno);
  return new BusError("", words, errno);
}

function callMethod(lib: Library, bus: Pointer, method: BusMethod, args: readonly Variant[]): Pointer {
  const names = [method.destination, method.path, method.interface, method.member].map(cString);
  const message = out((ret) =>
    lib.sd_bus_message_new_method_call(bus, ret, names[0]!, names[1]!, names[2]!, names[3]!)
  );
  // struct sd_bus_error: name, message, a flag.
  const error = new BigUint64Array(3);
  const errorBytes = new Uint8Array(error.buffer);
  try {
    for (const { signature, value } of args) append(lib, message, signature, value);
    const answer = new BigUint64Array(1);
    const rc = lib.sd_bus_call(bus, message, CALL_TIMEOUT_USEC, errorBytes, new Uint8Array(answer.buffer));
    if (rc >= 0) return Deno.UnsafePointer.create(answer[0]!);
    const { errno, message: words } = failure(-rc);
    throw new BusError(textAt(error[0]!) ?? "", textAt(error[1]!) ?? words, errno);
  } finally {
    lib.sd_bus_error_free(errorBytes);
    lib.sd_bus_message_unref(message);
  }
}

function append(lib: Library, message: Pointer, type: string, value: BusValue): void {
  const open = (kind: string, contents: string) =>
    checked(lib.sd_bus_message_open_container(message, code(kind), cString(contents)));
  const close = () => checked(lib.sd_bus_message_close_container(message));
  if (type === "v") {
    const variant = value as Variant;
    open("v", variant.signature);
    append(lib, message, variant.signature, variant.value);
    close();
  } else if (type.startsWith("a")) {
    open("a", type.slice(1));
    for (const each of value as readonly BusValue[]) append(lib, message, type.slice(1), each);
    close();
  } else if (type.startsWith("(")) {
    const contents = type.slice(1, -1);
    open("r", contents);
    typesOf(contents).forEach((each, index) =>
      append(lib, message, each, (value as readonly BusValue[])[index]!)
    );
    close();
  } else checked(lib.sd_bus_message_append_basic(message, code(type), basicBytes(type, value)));
}

function code(type: string): number {
  return type.charCodeAt(0);
}

/** What sd_bus_message_append_basic(3) takes a pointer to: the text itself, or the number in its size. */
function basicBytes(type: string, value: BusValue): Uint8Array<ArrayBuffer> {
  if (type === "s" || type === "o" || type === "g") return cString(value as string);
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  if (type === "d") view.setFloat64(0, value as number, true);
  // Little-endian: the low bytes of a smaller integer come first. A boolean is an int.
  else {view.setBigUint64(
      0,
      BigInt.asUintN(64, typeof value === "boolean" ? BigInt(value) : value as bigint),
      true,
    );}
  return bytes;
}

function readProperty(
  lib: Library,
  bus: Pointer,
  { destination, path, interface: owner }: Omit<BusMethod, "member">,
  name: string,
  type: string,
): BusValue {
  const get = { destination, path, interface: "org.freedesktop.DBus.Properties", member: "Get" };
  const answer = callMethod(lib, bus, get, [
    { signature: "s", value: owner },
    { signature: "s", value: name },
  ]);
  try {
    checked(lib.sd_bus_message_enter_container(answer, code("v"), cString(type)));
    return readBasics(lib, answer, type)[0]!;
  } finally {
    lib.sd_bus_message_unref(answer);
  }
}

function readBasics(lib: Library, message: Pointer, types: string): BusValue[] {
  return [...types].map((type) => {
    const word = new BigUint64Array(1);
    checked(lib.sd_bus_message_read_basic(message, code(type), new Uint8Array(word.buffer)));
    // The buffer was zero: what is above a smaller integer still is.
    return "sog".includes(type) ? textAt(word[0]!) ?? "" : type === "b" ? word[0] !== 0n : word[0]!;
  });
}

function textAt(address: bigint): string | undefined {
  const pointer = Deno.UnsafePointer.create(address);
  return pointer === null ? undefined : Deno.UnsafePointerView.getCString(pointer);
}

function awaitSignal(
  lib: Library,
  bus: Pointer,
  of: Pick<BusMethod, "interface" | "member">,
  types: string,
  timeoutMs: number,
): BusValue[] | undefined {
  const names = [of.interface, of.member].map(cString);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const ret = new BigUint64Array(1);
    const progress = checked(lib.sd_bus_process(bus, new Uint8Array(ret.buffer)));
    const message = Deno.UnsafePointer.create(ret[0]!);
    if (message !== null) {
      try {
        if (lib.sd_bus_message_is_signal(message, names[0]!, names[1]!) > 0) {
          return readBasics(lib, message, types);
        }
      } finally {
        lib.sd_bus_message_unref(message);
      }
    }
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return undefined;
    if (progress === 0) checked(lib.sd_bus_wait(bus, BigInt(Math.ceil(leftMs * 1000))));
  }
}
