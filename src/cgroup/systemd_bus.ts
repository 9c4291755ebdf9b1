// Pure: no I/O in this file.
/** A value as D-Bus carries it, with the type that it has there (D-Bus specification, "Type System"). */
export interface Variant {
  readonly signature: string;
  readonly value: BusValue;
}

/** By type: b boolean; s, o, g string; integers bigint; d number; a… and (…) a list; v a Variant. */
export type BusValue = string | boolean | bigint | number | Variant | readonly BusValue[];

/** A method of an object of a service. */
export interface BusMethod {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
}

/** A connection to a bus, over which systemd is talked to. */
export interface Bus {
  /** Whether a D-Bus daemon is between us and the service; without one every signal comes, asked for or not. */
  readonly hasBroker: boolean;
  /**
   * Call a method and wait for its answer.
   *
   * @param args the types of the arguments, one complete type a value
   * @param reply the types of the values to read from the answer's start; basic types only
   * @throws BusError
   */
  call(method: BusMethod, args: readonly Variant[], reply: string): BusValue[];
  /** Read a property of a basic type. @throws BusError */
  property(of: Omit<BusMethod, "member">, name: string, type: string): BusValue;
  /**
   * Wait for the next signal of this name; what comes meanwhile is dropped.
   *
   * @param types the types of its values, basic ones
   * @returns undefined when `timeoutMs` passed first
   * @throws BusError when the connection ends
   */
  signal(
    of: Pick<BusMethod, "interface" | "member">,
    types: string,
    timeoutMs: number,
  ): BusValue[] | undefined;
  /** What this connection is called: `:1.42`. @throws BusError */
  name(): string;
  close(): void;
}
