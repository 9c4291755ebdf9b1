/**
 * Where the first stage has what is known only now: the engine's place, the place and sizes of a program
 * (c/front_engine.c), and the two halves of the program's id (c/front_create.c).
 */
const MARKS = [
  0x1122334455667788n,
  0x2233445566778899n,
  0x33445566778899aan,
  0x445566778899aabbn,
  0x5566778899aabbccn,
  0x66778899aabbccddn,
];
/** A multiple of every page size of both machines. */
const ALIGN = 65536;

/** Files by their paths; the program for an engine that holds none of its own. */
export interface Stages {
  readonly front: string;
  readonly engine: string;
  /** 16 bytes over all that the program is made of. */
  readonly id: Uint8Array<ArrayBuffer>;
  readonly program?: { readonly entry: Uint8Array; readonly archive: Uint8Array };
}

/**
 * The two stages in one file: the first, padded, then the engine, then its program if it has none. Their places are
 * written into the first. Throws Error for a first stage that has not one place for each.
 */
export function joinStages({ front, engine, id, program }: Stages, output: string): void {
  const head = Deno.readFileSync(front);
  const engineAt = roundUp(head.length);
  const { size } = Deno.statSync(engine);
  const programAt = program === undefined ? 0 : roundUp(engineAt + size);
  const halves = new BigUint64Array(id.slice().buffer);
  const values = [engineAt, programAt, program?.entry.length ?? 0, program?.archive.length ?? 0, ...halves];
  MARKS.forEach((mark, index) => replaceMark(head, mark, BigInt(values[index]!)));
  Deno.writeFileSync(output, head, { mode: 0o755 });
  using file = Deno.openSync(output, { write: true });
  writeAt(file, engineAt, Deno.readFileSync(engine));
  if (program === undefined) return;
  writeAt(file, programAt, program.entry);
  writeAt(file, programAt + program.entry.length, program.archive);
}

const roundUp = (size: number): number => Math.ceil(size / ALIGN) * ALIGN;

function replaceMark(bytes: Uint8Array<ArrayBuffer>, mark: bigint, value: bigint): void {
  const view = new DataView(bytes.buffer);
  const places: number[] = [];
  for (let at = 0; at + 8 <= bytes.length; at += 8) if (view.getBigUint64(at, true) === mark) places.push(at);
  if (places.length !== 1) {
    throw new Error(`the first stage has ${places.length} places for 0x${mark.toString(16)}`);
  }
  view.setBigUint64(places[0]!, value, true);
}

function writeAt(file: Deno.FsFile, at: number, bytes: Uint8Array): void {
  file.seekSync(at, Deno.SeekMode.Start);
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}
