/** What runc refuses about the root file system, dunc refuses too. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { rewrite } from "./support/bundle.ts";
import { containerTest, runs } from "./support/containers.ts";

containerTest("a private root without pivot_root is refused in runc's words", async (c) => {
  const bundle = c.bundle((config) => runs(config, "true"));
  for (const propagation of ["private", "rprivate"]) {
    rewrite(bundle, (config) => config.linux!.rootfsPropagation = propagation);
    for (const runtime of [c.dunc, c.runc]) {
      const said = await runtime.fails(1, "run", "--no-pivot", "--bundle", bundle.path, c.id());
      assertStringIncludes(said, "rootfsPropagation of [r]private is not safe without pivot_root");
      assertEquals((await runtime.call(["run", "--bundle", bundle.path, c.id()])).code, 0);
    }
  }
}, ["root", "runc"]);

containerTest(
  "a root.path with a link on it is refused as in runc; the bundle may be behind one",
  async (c) => {
    const bundle = c.bundle((config) => runs(config, "echo in"));
    Deno.renameSync(bundle.rootfs, `${bundle.path}/real`);
    Deno.symlinkSync("real", bundle.rootfs);
    Deno.symlinkSync(bundle.path, `${c.folder}/link`);
    const cases: [path: string, valid: boolean][] = [
      ["rootfs", false],
      [bundle.rootfs, false],
      [`${c.folder}/link/real`, false],
      ["rootfs/../real", true],
      ["./real/", true],
      [`${bundle.path}/real`, true],
    ];
    for (const [path, valid] of cases) {
      rewrite(bundle, (config) => config.root!.path = path);
      for (const runtime of [c.dunc, c.runc]) {
        const { code, stdout, stderr } = await runtime.call(["run", "--bundle", `${c.folder}/link`, c.id()]);
        assertEquals([code, stdout], valid ? [0, "in\n"] : [1, ""], `${runtime.name} ${path}: ${stderr}`);
        if (!valid) assertStringIncludes(stderr, "invalid rootfs: not an absolute path, or a symlink");
      }
    }
  },
  ["root", "runc"],
);

containerTest("a mount whose destination is a link to the root is refused: it would be hidden", async (c) => {
  const bundle = c.bundle((config) => {
    runs(config, "true");
    config.mounts!.push({ destination: "/l", type: "tmpfs", source: "t" });
  });
  for (const target of ["/", "..", "/tmp/.."]) {
    Deno.symlinkSync(target, `${bundle.rootfs}/l`);
    for (const change of [{ type: "tmpfs" }, { type: "bind", source: "/etc", options: ["bind"] }]) {
      rewrite(bundle, (config) => Object.assign(config.mounts!.at(-1)!, change));
      const said = await c.dunc.fails(1, "run", "--bundle", bundle.path, c.id());
      assertStringIncludes(said, "mounts[7].destination: a mount may not cover the root itself");
      assertEquals((await c.runc.call(["run", "--bundle", bundle.path, c.id()])).code, 1);
    }
    Deno.removeSync(`${bundle.rootfs}/l`);
  }
}, ["root", "runc"]);
