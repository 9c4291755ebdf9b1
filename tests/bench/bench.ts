/** A short form of ../support/containers.ts: one bundle, in whose folder everything is called. */
import { configText, defaultConfig, makeRootfs } from "../support/bundle.ts";
import type { CommandOptions, Outcome } from "../support/command.ts";
import { type Containers, containerTest as test, reaping } from "../support/containers.ts";
import type { Config } from "./bundle.ts";

/** What a test of containers works with: a --root and a bundle of its own. */
export interface Bench {
  readonly root: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** Run dunc with this test's --root, in its bundle. */
  dunc(args: readonly string[], options?: CommandOptions): Promise<Outcome>;
  /** The same command under Debian's runc, with a --root of its own. */
  runc(args: readonly string[], options?: CommandOptions): Promise<Outcome>;
  /** Write config.json: the default one without a terminal, changed. */
  configure(change: (config: Config) => void): void;
  /** Run a shell script in a container and give what it printed. */
  shell(script: string, change?: (config: Config) => void): Promise<Outcome>;
  /** An id that no other test uses. */
  id(): string;
}

/** A test of containers, with the ledger before and after. */
export function containerTest(name: string, fn: (bench: Bench) => Promise<void>): void {
  test(name, (containers) => reaping(fn(makeBench(containers))), ["root", "runc"]);
}

function makeBench({ dunc, runc, folder, id }: Containers): Bench {
  const bundle = `${folder}/bundle`;
  Deno.mkdirSync(bundle);
  Deno.mkdirSync(dunc.root, { mode: 0o700 });
  makeRootfs(`${bundle}/rootfs`);
  const configure = (change: (config: Config) => void) => {
    const config = defaultConfig();
    change(config);
    Deno.writeTextFileSync(`${bundle}/config.json`, configText(config));
  };
  return {
    root: dunc.root,
    bundle,
    rootfs: `${bundle}/rootfs`,
    dunc: (args, options) => dunc.call(args, { cwd: bundle, ...options }),
    runc: (args, options) => runc.call(args, { cwd: bundle, ...options }),
    configure,
    id,
    shell(script, change = () => {}) {
      configure((config) => {
        config.process.args = ["sh", "-c", script];
        change(config);
      });
      return dunc.call(["run", id()], { cwd: bundle });
    },
  };
}
