/** Every resource field × the layout of this machine, its value read back from the kernel, as a table. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { groupFileExists, groupText, layoutHere } from "./support/groups.ts";
import { type Disk, resourceRows, type Row } from "./resources/rows.ts";
import { type Cell, formatColumn, tell } from "./resources/table.ts";

/** A cell, and its fault when it is one. */
type Seen = Cell & { readonly fault?: string };

containerTest("every field of linux.resources reaches its file, or says why it has none", async (c) => {
  const layout = layoutHere();
  const disk = firstDisk();
  const rows = resourceRows(disk);
  const cells: Seen[] = [];
  // Making a container enables what controllers there are on v2.
  await c.dunc.ok("delete", (await created(c, [])).id!);
  const apart = new Set(rows.filter((row) => "refused" in row[layout] || missing(row, disk) !== undefined));
  for (const container of [0, 1, 2]) {
    const together = rows.filter((row) => row.container === container && !apart.has(row));
    const { id, stderr } = await created(c, together);
    assertEquals(stderr, "");
    cells.push(...together.map((row) => readBack(id!, row)));
    await c.dunc.ok("delete", "--force", id!);
  }
  for (const row of apart) cells.push(await refusal(c, row, disk));
  assertEquals(cells.length, rows.length);
  const inOrder = rows.map(({ field }) => cells.find((cell) => cell.field === field)!);
  tell(formatColumn(layout, Deno.osRelease(), inOrder));
  assertEquals(
    cells.filter(({ fault }) => fault !== undefined).map(({ field, fault }) => `${field}: ${fault}`),
    [],
  );
}, ["root"]);

/** Why this machine cannot have the file of a row; undefined when it can, or the row wants none. */
function missing(row: Row, disk: Disk): string | undefined {
  const expected = row[layoutHere()];
  if (!("file" in expected)) return undefined;
  if (!groupFileExists(expected.file)) return `no ${expected.file} here`;
  if (expected.needs === "bfq" && !schedulerOf(disk).includes("[bfq]")) {
    return `${disk.name} is not scheduled by BFQ`;
  }
  if (row.field === "rdma") return "no RDMA device here";
  return undefined;
}

const schedulerOf = ({ name }: Disk): string => Deno.readTextFileSync(`/sys/block/${name}/queue/scheduler`);

async function created(
  c: Containers,
  rows: readonly Row[],
): Promise<{ id: string | undefined; stderr: string }> {
  const { path } = c.bundle((config) => {
    runs(config, "true");
    config.linux!.resources = { devices: config.linux!.resources!.devices! };
    for (const row of rows) row.set(config.linux!.resources);
  });
  const id = c.id();
  const { code, stderr } = await c.dunc.call(["create", "--bundle", path, id]);
  // Fields that are ignored may say so.
  const faults = stderr.split("\n").filter((line) => line !== "" && !line.includes("level=warning"));
  return { id: code === 0 ? id : undefined, stderr: faults.join("\n") };
}

function readBack(id: string, row: Row): Seen {
  const { field } = row;
  const expected = row[layoutHere()];
  if ("ignored" in expected) return { field, text: `- (${expected.ignored})` };
  if ("refused" in expected) throw new Error(`${field} is not to be read back`);
  const { file, text } = expected;
  const got = groupText(id, file)?.replaceAll("\t", " ");
  const line = got?.split("\n").find((each) => each === text);
  return line === undefined
    ? { field, text: `${file}: ${got}`, fault: `${file} is ${JSON.stringify(got)}, not ${text}` }
    : { field, text: `${file} = ${line}` };
}

/** A field that cannot be had: create fails with one line that names it, and nothing is left (the ledger). */
async function refusal(c: Containers, row: Row, disk: Disk): Promise<Seen> {
  const { field } = row;
  const expected = row[layoutHere()];
  const { id, stderr } = await created(c, [row]);
  if (id !== undefined) await c.dunc.ok("delete", "--force", id);
  const reason = missing(row, disk);
  const text = reason === undefined ? "refused" : `n/a (${reason})`;
  // A reservation that the kernel does not count is left out, as the specification has no word for it.
  if (reason !== undefined && id !== undefined && field.endsWith("reserved")) return { field, text };
  const named = "refused" in expected ? expected.refused : `linux.resources.${field.split(" ")[0]!}`;
  const base = named.replace(/\.(weight|leafWeight)$/, "");
  const fault = id !== undefined
    ? "create did not fail"
    : stderr.split("\n").length !== 1 || !stderr.includes(base)
    ? `not one line with ${base}: ${stderr}`
    : undefined;
  return { field, text, ...(fault === undefined ? {} : { fault }) };
}

function firstDisk(): Disk {
  for (const { name } of Deno.readDirSync("/sys/block")) {
    if (/^(loop|ram|zram|sr)/.test(name)) continue;
    const [major, minor] = Deno.readTextFileSync(`/sys/block/${name}/dev`).trim().split(":").map(Number);
    return { name, major: major!, minor: minor! };
  }
  throw new Error("no block device");
}

containerTest(
  "a memory limit below what is used is refused by checkBeforeUpdate, and nothing changes",
  async (c) => {
    const { path } = c.bundle((config) => {
      runs(config, "head -c 20000000 /dev/zero > /dev/shm/f; echo ready > /dev/shm/ready; sleep 100");
      config.linux!.resources!.memory = { limit: 64 << 20 };
    });
    const id = c.id();
    await c.dunc.ok("run", "-d", "--bundle", path, id);
    const file = layoutHere() === "v1" ? "memory.limit_in_bytes" : "memory.max";
    await c.dunc.ok("exec", id, "sh", "-c", "while ! [ -e /dev/shm/ready ]; do sleep 0.1; done");
    const stdin = JSON.stringify({ memory: { limit: 5_000_000, checkBeforeUpdate: true } });
    const { code, stderr } = await c.dunc.call(["update", "--resources", "-", id], { stdin });
    assertEquals([code, stderr.trim().split("\n").length], [1, 1], stderr);
    assertStringIncludes(stderr, "memory.limit");
    assertEquals(groupText(id, file), `${64 << 20}`);
  },
  ["root"],
);
