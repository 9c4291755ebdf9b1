import { call, type CommandOptions, type Outcome } from "./command.ts";
import type { Containers } from "./containers.ts";
import { makeRootfs } from "./bundle.ts";

/** What a user has who is nobody special. */
export interface UserOptions {
  /** Whether newuidmap and newgidmap are there, with ranges for the user; hidden otherwise. */
  readonly helpers?: boolean;
  /** A script that root runs before each command, in the same mount namespace. */
  readonly prepare?: string;
  /** Words in front of each command: what root runs to execute the rest. */
  readonly enter?: string;
}

/**
 * An ordinary user that exists for one test: a home, an XDG_RUNTIME_DIR, an entry in passwd and, with `helpers`, in
 * subuid and subgid. The files of /etc are covered in a mount namespace of each command: nobody else sees them.
 */
export class OrdinaryUser {
  readonly uid = 54_321;
  readonly name = "ordinary";
  /** First of 65536 subordinate ids. */
  readonly firstId = 3_000_000;
  readonly home: string;
  readonly bundle: string;
  readonly runtimeDirectory: string;
  readonly #folder: string;
  readonly #options: UserOptions;
  #count = 0;

  constructor({ folder, dunc }: Containers, options: UserOptions = {}) {
    this.#folder = folder;
    this.#options = options;
    this.home = `${folder}/home`;
    this.bundle = `${this.home}/bundle`;
    this.runtimeDirectory = `${folder}/runtime`;
    Deno.mkdirSync(this.bundle, { recursive: true });
    Deno.mkdirSync(this.runtimeDirectory, { mode: 0o700 });
    Deno.mkdirSync(`${folder}/path`);
    Deno.symlinkSync(dunc.path, `${folder}/path/dunc`);
    makeRootfs(`${this.bundle}/rootfs`);
    for (const path of [this.home, this.runtimeDirectory]) this.#own(path);
    this.#writeTables();
  }

  #own(path: string): void {
    const { success } = new Deno.Command("chown", { args: ["-hR", `${this.uid}:${this.uid}`, path] })
      .outputSync();
    if (!success) throw new Error(`chown ${path}`);
  }

  #writeTables(): void {
    const { uid, name, home, firstId } = this;
    const line = `${name}:${firstId}:65536\n`;
    const tables = {
      passwd: `root:x:0:0:root:/root:/bin/sh\n${name}:x:${uid}:${uid}::${home}:/bin/sh\n`,
      group: `root:x:0:\n${name}:x:${uid}:\n`,
      subuid: line,
      subgid: line,
    };
    for (const [file, text] of Object.entries(tables)) {
      Deno.writeTextFileSync(`${this.#folder}/${file}`, text);
    }
  }

  /** What root does before it becomes the user. */
  #setUp(): string {
    const covered = this.#options.helpers === true
      ? ["passwd", "group", "subuid", "subgid"].map((file) => `mount --bind "$F/${file}" /etc/${file}`)
      : ["newuidmap", "newgidmap"].map((name) =>
        `if p=$(command -v ${name}); then mount --bind /dev/null "$p"; fi`
      );
    return [...covered, this.#options.prepare ?? ":"].join("\n");
  }

  /** Run a script as the user, in the bundle, with nothing in the environment but PATH and XDG_RUNTIME_DIR. */
  sh(script: string, options: CommandOptions = {}): Promise<Outcome> {
    const file = `${this.#folder}/script-${this.#count++}`;
    Deno.writeTextFileSync(file, script);
    const become =
      `exec ${
        this.#options.enter ?? ""
      } setpriv --reuid ${this.uid} --regid ${this.uid} --clear-groups env -i ` +
      `PATH="$F/path:/usr/sbin:/usr/bin:/sbin:/bin" XDG_RUNTIME_DIR=${this.runtimeDirectory} sh -e ${file}`;
    const whole = `set -e\nF=${this.#folder}\n${this.#setUp()}\n${become}`;
    return call(["unshare", "--mount", "sh", "-c", whole], { cwd: this.bundle, ...options });
  }

  /** A script that must succeed and complain about nothing; its output. */
  async ok(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.sh(script);
    if (code !== 0 || stderr !== "") throw new Error(`${script}: exit code ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  /** A script that must fail with this code; what it complained. */
  async fails(code: number, script: string): Promise<string> {
    const outcome = await this.sh(script);
    if (outcome.code === code) return outcome.stderr;
    throw new Error(`${script}: exit code ${outcome.code}: ${outcome.stderr}${outcome.stdout}`);
  }

  /** Write the config.json of `spec --rootless`, without a terminal, changed by a program of jq. */
  async configure(change: string): Promise<void> {
    const all = `.process.terminal = false | ${change}`;
    await this.ok(
      `rm -f config.json; dunc spec --rootless\njq '${all}' config.json > new; mv new config.json`,
    );
  }

  /** Names in the root folder: none when every container is deleted. */
  containers(): string[] {
    try {
      return [...Deno.readDirSync(`${this.runtimeDirectory}/dunc`)].map(({ name }) => name);
    } catch {
      return [];
    }
  }
}

/** process.args of a shell script, for jq. */
export const args = (script: string): string => `.process.args = ["sh", "-c", ${JSON.stringify(script)}]`;
