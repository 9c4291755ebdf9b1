import { assertEquals, assertThrows } from "@std/assert";
import { BusError, ContainerError } from "../errors.ts";
import type { Bus, BusValue } from "./systemd_bus.ts";
import { checkNumbering, managerFacts, setUnitProperties, startUnit, stopUnit } from "./systemd_manager.ts";

/** A bus on which each method is answered in turn by what a test says; what was called is in `calls`. */
function busOf(
  answers: Record<string, (BusValue[] | BusError)[]>,
  signals: (BusValue[] | undefined)[] = [],
): Bus & { calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    hasBroker: true,
    call({ member }, args) {
      calls.push(
        [member, ...args.filter(({ signature }) => signature === "s").map(({ value }) => value)].join(" "),
      );
      const answer = answers[member]?.shift() ?? [];
      if (answer instanceof BusError) throw answer;
      return answer;
    },
    property(_of, name) {
      const [value] = this.call({ destination: "", path: "", interface: "", member: name }, [], "");
      return value!;
    },
    signal: () => signals.shift(),
    name: () => ":1.9",
    close() {},
  };
}

const systemd = (name: string, words = "words") =>
  new BusError(`org.freedesktop.systemd1.${name}`, words, "EIO");
const RULE = "AddMatch type='signal',sender='org.freedesktop.systemd1'," +
  "interface='org.freedesktop.systemd1.Manager',member='JobRemoved'";

Deno.test("managerFacts() reads the number out of a version, and 0 where there is none", () => {
  const facts = (version: string) =>
    managerFacts(busOf({ Version: [[version]], ControlGroup: [["/user.slice/"]] }));
  assertEquals(facts("v245.4-4ubuntu3"), { version: 245, controlGroup: "/user.slice" });
  assertEquals(facts("").version, 0);
});

Deno.test("startUnit() asks for signals first, and waits for the end of its own job", () => {
  const bus = busOf({ StartTransientUnit: [["/job/2"]] }, [
    [1n, "/job/1", "a.scope", "failed"],
    [2n, "/job/2", "a.scope", "done"],
  ]);
  startUnit(bus, "a.scope", []);
  assertEquals(bus.calls, [RULE, "Subscribe", "StartTransientUnit a.scope replace"]);
});

Deno.test("startUnit() forgets a failed unit of that name once, and takes a slice that is there", () => {
  const exists = systemd("UnitExists", "Unit a.scope already exists.");
  const once = busOf({ StartTransientUnit: [exists, ["/job/1"]] }, [[1n, "/job/1", "a.scope", "done"]]);
  startUnit(once, "a.scope", []);
  assertEquals(once.calls.slice(2), [
    "StartTransientUnit a.scope replace",
    "ResetFailedUnit a.scope",
    "StartTransientUnit a.scope replace",
  ]);
  assertThrows(
    () => startUnit(busOf({ StartTransientUnit: [exists, exists] }), "a.scope", []),
    ContainerError,
    "start systemd unit a.scope: Unit a.scope already exists.",
  );
  const slice = busOf({ StartTransientUnit: [exists] });
  startUnit(slice, "a.slice", []);
  assertEquals(slice.calls.at(-1), "StartTransientUnit a.slice replace");
});

Deno.test("startUnit() takes a unit away whose job did not end well or not at all", () => {
  const failed = busOf({ StartTransientUnit: [["/job/1"]] }, [[1n, "/job/1", "a.scope", "timeout"]]);
  assertThrows(
    () => startUnit(failed, "a.scope", []),
    ContainerError,
    "error creating systemd unit a.scope: got `timeout`",
  );
  assertEquals(failed.calls.slice(-2), ["StopUnit a.scope replace", "ResetFailedUnit a.scope"]);
  assertThrows(
    () => startUnit(busOf({ StartTransientUnit: [["/job/1"]] }, [undefined]), "a.scope", []),
    ContainerError,
    "start systemd unit a.scope: no word of its end in 30 s",
  );
});

Deno.test("stopUnit() is content with a unit that is gone, and a subscription that is there", () => {
  const gone = busOf({
    Subscribe: [systemd("AlreadySubscribed")],
    StopUnit: [systemd("NoSuchUnit")],
  });
  stopUnit(gone, "a.scope");
  assertEquals(gone.calls.at(-1), "StopUnit a.scope replace");
  assertThrows(
    () =>
      stopUnit(busOf({ StopUnit: [new BusError("", "connection reset by peer", "ECONNRESET")] }), "a.scope"),
    ContainerError,
    "stop systemd unit a.scope: connection reset by peer",
  );
});

Deno.test("setUnitProperties() asks for nothing when there is nothing to change", () => {
  const bus = busOf({});
  setUnitProperties(bus, "a.scope", []);
  assertEquals(bus.calls, []);
});

Deno.test("checkNumbering() refuses a systemd that knows us by another number, and trusts one without a broker", () => {
  const bus = busOf({ GetConnectionUnixProcessID: [[42n], [42n]] });
  checkNumbering(bus, 42);
  assertThrows(() => checkNumbering(bus, 43), ContainerError, "systemd is in another pid namespace");
  checkNumbering({ ...busOf({}), hasBroker: false }, 43);
});
