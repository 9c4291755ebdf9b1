import { succeed, until } from "./command.ts";
import { check, libc } from "./libc.ts";

const O_RDWR = 2;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_SETFL = 4;
const TIOCGWINSZ = 0x5413n;
const TIOCSWINSZ = 0x5414n;

/** Our side of a terminal: what a person would read on the screen and type on the keys. */
export class Terminal {
  #text = "";

  constructor(readonly master: number) {
    check(libc().fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK), "fcntl(F_SETFL)");
  }

  /** A new terminal, with the path of its other side. */
  static open(): { readonly terminal: Terminal; readonly path: string } {
    const master = check(libc().posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "posix_openpt");
    check(libc().unlockpt(master), "unlockpt");
    const name = new Uint8Array(64);
    check(-libc().ptsname_r(master, name, 64n), "ptsname_r");
    return { terminal: new Terminal(master), path: textOf(name) };
  }

  /** Everything that has come out so far. */
  get text(): string {
    const bytes = new Uint8Array(4096);
    for (;;) {
      // Nothing there yet and hung up both are negative: the one who waits for a text has a time limit.
      const size = Number(libc().read(this.master, bytes, BigInt(bytes.length)));
      if (size <= 0) return this.#text;
      this.#text += new TextDecoder().decode(bytes.subarray(0, size));
    }
  }

  /** Wait until what has come out matches. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    try {
      return await until(`the terminal shows ${pattern}`, () => pattern.exec(this.text) ?? undefined);
    } catch (error) {
      throw new Error(`${(error as Error).message}; it shows ${JSON.stringify(this.text)}`);
    }
  }

  type(text: string): void {
    const bytes = new TextEncoder().encode(text);
    check(libc().write(this.master, bytes, BigInt(bytes.length)), "write to the terminal");
  }

  get size(): { readonly rows: number; readonly columns: number } {
    const size = new Uint16Array(4);
    check(libc().ioctl(this.master, TIOCGWINSZ, new Uint8Array(size.buffer)), "ioctl(TIOCGWINSZ)");
    return { rows: size[0]!, columns: size[1]! };
  }

  resize(rows: number, columns: number): void {
    const size = Uint16Array.from([rows, columns, 0, 0]);
    check(libc().ioctl(this.master, TIOCSWINSZ, new Uint8Array(size.buffer)), "ioctl(TIOCSWINSZ)");
  }

  close(): void {
    libc().close(this.master);
  }
}

/** The words of a command line that runs `command` with the terminal at `path` as its own. */
export function onTerminal(path: string, command: readonly string[]): string[] {
  return ["sh", "-c", 'exec setsid --ctty --wait "$@" <"$0" >"$0" 2>"$0"', path, ...command];
}

/** A screen of tmux: what a beginner sits in front of. */
export class Screen {
  private constructor(readonly socket: string) {}

  /** Open a screen with a shell in it. */
  static async open(folder: string): Promise<Screen> {
    const screen = new Screen(`${folder}/tmux`);
    await screen.#tmux(
      "-f",
      "/dev/null",
      "new-session",
      "-d",
      "-x",
      "120",
      "-y",
      "40",
      "env PS1='host> ' sh",
    );
    await screen.shows(/host> $/);
    return screen;
  }

  #tmux(...args: string[]): Promise<string> {
    return succeed(["tmux", "-S", this.socket, ...args]);
  }

  async type(line: string): Promise<void> {
    await this.#tmux("send-keys", "-l", line);
    await this.#tmux("send-keys", "Enter");
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** What is on the screen, without blanks at the end of lines. */
  async text(): Promise<string> {
    return (await this.#tmux("capture-pane", "-p")).replace(/ +$/gm, "").trimEnd() + " ";
  }

  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    let text = "";
    try {
      return await until(`the screen shows ${pattern}`, async () => {
        text = await this.text();
        return pattern.exec(text) ?? undefined;
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}; it shows\n${text}`);
    }
  }

  async close(): Promise<void> {
    await this.#tmux("kill-server");
  }
}

export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
