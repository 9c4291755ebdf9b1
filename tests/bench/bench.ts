import { type Config, makeRootfs, runFolder } from "./bundle.ts";
import { whyNoContainers } from "./capability.ts";
import { duncPath, type Result, runCommand, type RunOptions } from "./dunc.ts";
import { OWN_PREFIX, settledDifference, takeLedger } from "./ledger.ts";

/** What a test of containers works with: a --root and a bundle of its own. */
export interface Bench {
  readonly root: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** Run dunc with this test's --root, in its bundle. */
  dunc(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** The same command under Debian's runc, with a --root of its own. */
  runc(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** Write config.json: the default one without a terminal, changed. */
  configure(change: (config: Config) => void): void;
  /** Run a shell script in a container and give what it printed. */
  shell(script: string, change?: (config: Config) => void): Promise<Result>;
  /** An id that no other test uses. */
  id(): string;
}

let counter = 0;

/**
 * A test of containers. It takes the ledger before and after; what it made is deleted after a failure too, and a row
 * that is left is a failure.
 */
export function containerTest(
  name: string,
  fn: (bench: Bench) => Promise<void>,
  options: { ignore?: boolean } = {},
) {
  const reason = whyNoContainers();
  Deno.test({
    name: reason === undefined ? name : `${name} (skipped: ${reason})`,
    ignore: reason !== undefined || options.ignore === true,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const folder = `${runFolder()}/${++counter}`;
      const bench = makeBench(folder);
      const before = takeLedger([bench.root, bench.runcRoot]);
      let failure: unknown;
      try {
        await fn(bench);
      } catch (error) {
        failure = error;
      }
      await bench.cleanUp();
      const rows = await settledDifference(before, [bench.root, bench.runcRoot]);
      Deno.removeSync(folder, { recursive: true });
      if (failure !== undefined) throw failure;
      if (rows.length > 0) throw new Error(`the ledger is not empty:\n  ${rows.join("\n  ")}`);
    },
  });
}

function makeBench(folder: string): Bench & { runcRoot: string; cleanUp(): Promise<void> } {
  const [root, runcRoot, bundle] = [`${folder}/root`, `${folder}/runc`, `${folder}/bundle`];
  const rootfs = `${bundle}/rootfs`;
  Deno.mkdirSync(root, { recursive: true, mode: 0o700 });
  Deno.mkdirSync(bundle, { recursive: true });
  makeRootfs(rootfs);
  const ids: string[] = [];
  const dunc = (args: readonly string[], options: RunOptions = {}) =>
    runCommand(duncPath(), ["--root", root, ...args], { cwd: bundle, ...options });
  const runc = (args: readonly string[], options: RunOptions = {}) =>
    runCommand("runc", ["--root", runcRoot, ...args], { cwd: bundle, ...options });
  const configure = (change: (config: Config) => void) => {
    const config = defaultConfig();
    change(config);
    Deno.writeTextFileSync(`${bundle}/config.json`, JSON.stringify(config, null, 2));
  };
  const id = () => {
    const name = `${OWN_PREFIX}${counter}-${ids.length}`;
    ids.push(name);
    return name;
  };
  return {
    root,
    runcRoot,
    bundle,
    rootfs,
    dunc,
    runc,
    configure,
    id,
    shell(script, change = () => {}) {
      configure((config) => {
        config.process.args = ["sh", "-c", script];
        change(config);
      });
      return dunc(["run", id()]);
    },
    async cleanUp() {
      for (const name of ids) {
        await dunc(["delete", "--force", name]);
        if (exists(`${runcRoot}/${name}`)) await runc(["delete", "--force", name]);
      }
    },
  };
}

/** The document of `dunc spec`, without a terminal. */
function defaultConfig(): Config {
  defaultText ??= specText();
  const config = JSON.parse(defaultText);
  config.process.terminal = false;
  return config;
}

let defaultText: string | undefined;

function specText(): string {
  const folder = Deno.makeTempDirSync({ dir: runFolder() });
  const { success, stderr } = new Deno.Command(duncPath(), { args: ["spec", "--bundle", folder] })
    .outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const text = Deno.readTextFileSync(`${folder}/config.json`);
  Deno.removeSync(folder, { recursive: true });
  return text;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
