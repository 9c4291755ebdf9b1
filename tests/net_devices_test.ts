/** linux.netDevices: devices of the host that move into the container's network namespace. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Config, rewrite } from "./support/bundle.ts";
import { call, succeed, until } from "./support/command.ts";
import { type Containers, containerTest, runs } from "./support/containers.ts";
import { theSetting } from "./support/setting.ts";

interface Pair {
  /** The end that moves. */
  readonly host: string;
  /** The end that stays. */
  readonly peer: string;
}

let count = 0;

/** A veth pair for the test, taken away after it. */
async function withPair(body: (pair: Pair) => Promise<void>): Promise<void> {
  const name = `d${theSetting().tag.slice(-6)}${count++}`;
  const pair = { host: `${name}a`, peer: `${name}b` };
  await succeed(["ip", "link", "add", pair.host, "type", "veth", "peer", "name", pair.peer]);
  try {
    await body(pair);
  } finally {
    // With a namespace that has ended the pair has gone, or is about to.
    await call(["ip", "link", "del", pair.peer]);
  }
}

// deno-lint-ignore no-explicit-any
type Link = any;

async function links(...ip: string[]): Promise<Link[]> {
  return JSON.parse(await succeed([...ip, "ip", "-json", "addr"]));
}

const isThere = async (name: string) => (await call(["ip", "link", "show", name])).code === 0;

/** A running container with these devices; its pid. */
async function running(
  c: Containers,
  netDevices: Record<string, { name?: string }>,
  change: (config: Config) => void = () => {},
): Promise<{ id: string; pid: number }> {
  const { path, rootfs } = c.bundle((config) => {
    config.process!.args = ["sleep", "100"];
    config.linux!.netDevices = netDevices;
    change(config);
  });
  await succeed(["chown", "100000:100000", rootfs, `${rootfs}/dev`, `${rootfs}/sys`, `${rootfs}/proc`]);
  const id = c.id();
  await c.dunc.ok("run", "-d", "--bundle", path, id);
  return { id, pid: (await c.dunc.state(id)).pid };
}

const inside = (pid: number) => links("nsenter", "-t", String(pid), "-n");

function userNamespace(config: Config): void {
  const maps = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  config.linux!.namespaces!.push({ type: "user" });
  Object.assign(config.linux!, { uidMappings: maps, gidMappings: maps });
}

const address = (link: Link) =>
  link.addr_info.filter(({ scope }: Link) => scope === "global")
    .map(({ local, prefixlen }: Link) => `${local}/${prefixlen}`);

for (const user of [false, true]) {
  const where = user ? "a user namespace" : "a namespace of its own";
  containerTest(
    `a device moves into ${where} with what it has: address, MAC, MTU; it is set up`,
    async (c) => {
      await withPair(async ({ host, peer }) => {
        const mac = "02:00:00:aa:bb:cc";
        await succeed(["ip", "link", "set", host, "address", mac, "mtu", "1400", "up"]);
        await succeed(["ip", "addr", "add", "10.98.7.2/24", "brd", "+", "dev", host]);
        await succeed(["ip", "addr", "add", "169.254.7.3/16", "dev", host, "scope", "link"]);
        await succeed([
          "ip",
          "addr",
          "add",
          "10.98.8.4/24",
          "dev",
          host,
          "valid_lft",
          "500",
          "preferred_lft",
          "500",
        ]);
        await succeed([
          "ip",
          "addr",
          "add",
          "10.98.9.5",
          "peer",
          "10.98.9.6/32",
          "dev",
          host,
          "noprefixroute",
        ]);
        await succeed(["ip", "addr", "add", "fd00:98::2/64", "dev", host, "nodad"]);
        await succeed(["ip", "link", "set", peer, "up"]);
        const { id, pid } = await running(c, { [host]: { name: "net0" } }, user ? userNamespace : undefined);
        assert(!await isThere(host));
        const [lo, link, ...others] = await inside(pid);
        assertEquals([lo.ifname, link.ifname, others], ["lo", "net0", []]);
        assertEquals([link.address, link.mtu, link.flags.includes("UP")], [mac, 1400, true]);
        assertEquals(address(link), ["10.98.7.2/24", "10.98.9.5/32", "fd00:98::2/64"]);
        const [plain, toPeer] = link.addr_info;
        assertEquals([plain.broadcast, plain.label], ["10.98.7.255", "net0"]);
        assertEquals([toPeer.address, toPeer.noprefixroute], ["10.98.9.6", true]);
        assertStringIncludes(await c.dunc.ok("exec", id, "ip", "route"), "10.98.7.0/24 dev net0");
        await c.dunc.ok("delete", "--force", id);
        // A veth ends with its namespace, and so does its other end.
        await until("the pair has gone", async () => !await isThere(peer));
      });
    },
    ["root", "ip"],
  );
}

containerTest("devices keep their names, or get free ones by a template", async (c) => {
  await withPair(({ host, peer }) =>
    withPair(async (second) => {
      const template = { name: "eth%d" };
      const { pid } = await running(c, { [host]: {}, [peer]: template, [second.host]: template });
      const names = (await inside(pid)).map(({ ifname }) => ifname).sort();
      assertEquals(names, [host, "eth0", "eth1", "lo"].sort());
    })
  );
}, ["root", "ip"]);

containerTest("a device moves into a namespace that is joined, and stays there", async (c) => {
  await withPair(({ host, peer }) =>
    withPair(async (second) => {
      await succeed(["ip", "addr", "add", "10.98.7.2/24", "dev", host]);
      const first = await running(c, { [second.host]: { name: "eth0" } });
      const join = (config: Config) => {
        const network = config.linux!.namespaces!.find(({ type }) => type === "network")!;
        network.path = `/proc/${first.pid}/ns/net`;
      };
      const joined = await running(c, { [host]: { name: "eth%d" } }, (config) => {
        join(config);
        userNamespace(config);
        // A sysfs belongs to the network namespace's owner.
        config.mounts = config.mounts!.filter(({ type }) => type !== "sysfs");
      });
      await c.dunc.ok("delete", "--force", joined.id);
      const link = (await inside(first.pid)).find(({ ifname }) => ifname === "eth1");
      assertEquals([address(link), link.flags.includes("UP")], [["10.98.7.2/24"], true]);
      // Its name is taken: refused before anything moves.
      const { path } = c.bundle((config) => {
        config.linux!.netDevices = { [peer]: { name: "eth1" } };
        join(config);
      });
      const said = await c.dunc.fails(1, "create", "--bundle", path, c.id());
      assertMatch(
        said,
        /linux\.netDevices\.\w+: the container's network namespace has a device eth1 already/,
      );
      assert(await isThere(peer));
    })
  );
}, ["root", "ip"]);

containerTest("what cannot be moved is told in one line, and nothing has moved", async (c) => {
  await withPair(async ({ host }) => {
    const bundle = c.bundle((config) => runs(config, "true"));
    const cases: [netDevices: Record<string, { name?: string }>, says: string][] = [
      [{ [host]: { name: "lo" } }, `the container's network namespace has a device lo already`],
      [{ [host]: {}, nothere0: {} }, "link not found for interface nothere0 on runtime namespace"],
      [
        { [host]: {}, lo: { name: "lo1" } },
        "fail to move network device: linux.netDevices.lo: invalid argument",
      ],
      [{ [host]: { name: "a/b" } }, "invalid network device name"],
      [{ [host]: { name: "x" }, lo: { name: "x" } }, "another network device gets the name"],
    ];
    for (const [netDevices, says] of cases) {
      rewrite(bundle, (config) => config.linux!.netDevices = netDevices);
      const said = await c.dunc.fails(1, "create", "--bundle", bundle.path, c.id());
      assertEquals(said.trimEnd().split("\n").length, 1, said);
      assertStringIncludes(said, says);
      assert(await isThere(host));
    }
    rewrite(bundle, (config) => {
      config.linux!.netDevices = { [host]: {} };
      const network = config.linux!.namespaces!.find(({ type }) => type === "network")!;
      network.path = `/proc/${Deno.pid}/ns/net`;
    });
    const said = await c.dunc.fails(1, "create", "--bundle", bundle.path, c.id());
    assertStringIncludes(said, "unable to move network devices without a private NET namespace");
    const { linux } = JSON.parse(await c.dunc.ok("features"));
    assertEquals(linux.netDevices, { enabled: true });
  });
}, ["root", "ip"]);

for (const joined of [false, true]) {
  const where = joined ? "a namespace that is joined" : "a new namespace";
  containerTest(`a creation that fails brings the devices back out of ${where}, as they were`, async (c) => {
    await withPair(async ({ host, peer }) => {
      await succeed(["ip", "addr", "add", "10.98.7.2/24", "dev", host]);
      await succeed(["ip", "link", "set", host, "up"]);
      const first = await running(c, {});
      const { path } = c.bundle((config) => {
        // Found out when the devices are inside and have their names.
        config.process!.args = ["/no/such/program"];
        config.linux!.netDevices = { [host]: { name: "eth0" }, [peer]: {} };
        const network = config.linux!.namespaces!.find(({ type }) => type === "network")!;
        if (joined) network.path = `/proc/${first.pid}/ns/net`;
      });
      const before = (await links()).filter(({ ifname }) => [host, peer].includes(ifname));
      const said = await c.dunc.fails(1, "create", "--bundle", path, c.id());
      assertStringIncludes(said, "/no/such/program: no such file or directory");
      assertEquals(said.trimEnd().split("\n").length, 1, said);
      const after = (await links()).filter(({ ifname }) => [host, peer].includes(ifname));
      const shown = (link: Link) => [link.ifname, link.address, address(link), link.flags.includes("UP")];
      assertEquals(after.map(shown).sort(), before.map(shown).sort());
      assertEquals((await inside(first.pid)).map(({ ifname }) => ifname), ["lo"]);
    });
  }, ["root", "ip"]);
}
