import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from "./constants.gen.ts";

/** What the options of one mount come to. */
export interface MountOptions {
  readonly bind: boolean;
  readonly recursiveBind: boolean;
  readonly remount: boolean;
  /** mount_setattr(2) bits of the mount itself. */
  readonly attrSet: number;
  readonly attrClr: number;
  /** … and of the mount with all below it (the `r…` options). */
  readonly recursiveSet: number;
  readonly recursiveClr: number;
  /** Propagation changes, in the order given. */
  readonly propagation: readonly { readonly flag: number; readonly recursive: boolean }[];
  /** Parameters of the super block that are flags of mount(2): `sync`, `dirsync`, `mand`, `lazytime`, … */
  readonly superFlags: readonly string[];
  /** What only the file system can understand, in the order given. */
  readonly data: readonly string[];
  readonly tmpcopyup: boolean;
  readonly idmap: "idmap" | "ridmap" | undefined;
}

/** One row: what an option does. An attribute option sets or clears; its `r` form does so for the whole tree. */
type Row =
  | { readonly attr: number; readonly clear?: true }
  | { readonly atime: number; readonly clear?: true }
  | { readonly propagation: number; readonly recursive?: true }
  | { readonly super: string }
  | { readonly without: string }
  | { readonly word: "bind" | "rbind" | "remount" | "tmpcopyup" | "idmap" | "ridmap" | "ignored" };

/**
 * Every option of the specification's list (config.md "Linux mount options"). `without` takes back the super block
 * flag that it names. The `r…` forms are made from the rows that have `attr` or `atime`.
 */
const OPTIONS: Record<string, Row> = {
  ro: { attr: MOUNT_ATTR_RDONLY },
  rw: { attr: MOUNT_ATTR_RDONLY, clear: true },
  nosuid: { attr: MOUNT_ATTR_NOSUID },
  suid: { attr: MOUNT_ATTR_NOSUID, clear: true },
  nodev: { attr: MOUNT_ATTR_NODEV },
  dev: { attr: MOUNT_ATTR_NODEV, clear: true },
  noexec: { attr: MOUNT_ATTR_NOEXEC },
  exec: { attr: MOUNT_ATTR_NOEXEC, clear: true },
  nodiratime: { attr: MOUNT_ATTR_NODIRATIME },
  diratime: { attr: MOUNT_ATTR_NODIRATIME, clear: true },
  nosymfollow: { attr: MOUNT_ATTR_NOSYMFOLLOW },
  symfollow: { attr: MOUNT_ATTR_NOSYMFOLLOW, clear: true },
  relatime: { atime: MOUNT_ATTR_RELATIME },
  norelatime: { atime: MOUNT_ATTR_RELATIME, clear: true },
  noatime: { atime: MOUNT_ATTR_NOATIME },
  atime: { atime: MOUNT_ATTR_NOATIME, clear: true },
  strictatime: { atime: MOUNT_ATTR_STRICTATIME },
  nostrictatime: { atime: MOUNT_ATTR_STRICTATIME, clear: true },
  shared: { propagation: MS_SHARED },
  rshared: { propagation: MS_SHARED, recursive: true },
  slave: { propagation: MS_SLAVE },
  rslave: { propagation: MS_SLAVE, recursive: true },
  private: { propagation: MS_PRIVATE },
  rprivate: { propagation: MS_PRIVATE, recursive: true },
  unbindable: { propagation: MS_UNBINDABLE },
  runbindable: { propagation: MS_UNBINDABLE, recursive: true },
  sync: { super: "sync" },
  async: { without: "sync" },
  dirsync: { super: "dirsync" },
  mand: { super: "mand" },
  nomand: { without: "mand" },
  lazytime: { super: "lazytime" },
  nolazytime: { without: "lazytime" },
  // Every file system that counts versions does so always since 6.0, and fsconfig(2) knows no such flag.
  iversion: { word: "ignored" },
  noiversion: { word: "ignored" },
  silent: { word: "ignored" },
  loud: { word: "ignored" },
  defaults: { word: "ignored" },
  bind: { word: "bind" },
  rbind: { word: "rbind" },
  remount: { word: "remount" },
  tmpcopyup: { word: "tmpcopyup" },
  idmap: { word: "idmap" },
  ridmap: { word: "ridmap" },
};

const isAttribute = (row: Row): boolean => "attr" in row || "atime" in row;

function rowOf(option: string): { row: Row; recursive: boolean } | undefined {
  const own = Object.hasOwn(OPTIONS, option) ? OPTIONS[option] : undefined;
  if (own !== undefined) return { row: own, recursive: false };
  const plain = option.startsWith("r") ? option.slice(1) : "";
  const row = Object.hasOwn(OPTIONS, plain) ? OPTIONS[plain]! : undefined;
  return row !== undefined && isAttribute(row) ? { row, recursive: true } : undefined;
}

/** Every option name that dunc carries out, sorted: what `features` lists. */
export function mountOptionNames(): string[] {
  const names = Object.keys(OPTIONS);
  const recursive = names.filter((name) => isAttribute(OPTIONS[name]!)).map((name) => `r${name}`);
  return [...names, ...recursive].sort();
}

/**
 * Read the options of one mount. A later option overrides an earlier one that it is the opposite of; what no row
 * knows is the file system's. Of the atime options mount(2)'s order decides: strictatime before noatime before
 * relatime. Every one of them clears the whole atime field first (mount_setattr(2), MOUNT_ATTR__ATIME).
 */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const plain: Bits = { set: 0, clr: 0 };
  const tree: Bits = { set: 0, clr: 0 };
  const words = new Set<string>();
  const propagation: { flag: number; recursive: boolean }[] = [];
  const superFlags = new Set<string>();
  const data: string[] = [];
  for (const option of options) {
    const found = rowOf(option);
    if (found === undefined) {
      data.push(...parameters(option));
      continue;
    }
    const { row, recursive } = found;
    const bits = recursive ? tree : plain;
    if ("attr" in row) setFlag(bits, row.attr, row.clear !== true);
    else if ("atime" in row) setAtime(bits, row.atime, row.clear !== true);
    else if ("propagation" in row) {
      propagation.push({ flag: row.propagation, recursive: row.recursive === true });
    } else if ("super" in row) superFlags.add(row.super);
    else if ("without" in row) superFlags.delete(row.without);
    else words.add(row.word);
  }
  return {
    bind: words.has("bind") || words.has("rbind"),
    recursiveBind: words.has("rbind"),
    remount: words.has("remount"),
    attrSet: withOneAtime(plain.set),
    attrClr: plain.clr,
    recursiveSet: withOneAtime(tree.set),
    recursiveClr: tree.clr,
    propagation,
    superFlags: [...superFlags],
    data,
    tmpcopyup: words.has("tmpcopyup"),
    idmap: words.has("ridmap") ? "ridmap" : words.has("idmap") ? "idmap" : undefined,
  };
}

/** mount_setattr(2)'s two masks, while options are read. */
interface Bits {
  set: number;
  clr: number;
}

function setFlag(bits: Bits, flag: number, on: boolean): void {
  bits.set = on ? bits.set | flag : bits.set & ~flag;
  bits.clr = on ? bits.clr & ~flag : bits.clr | flag;
}

function setAtime(bits: Bits, value: number, on: boolean): void {
  bits.set = on ? bits.set | value : bits.set & ~value;
  bits.clr |= MOUNT_ATTR__ATIME;
}

/** The field holds one value, not flags: both of noatime and strictatime are EINVAL. */
function withOneAtime(set: number): number {
  return (set & MOUNT_ATTR_STRICTATIME) === 0 ? set : set & ~MOUNT_ATTR_NOATIME;
}

/**
 * mount(2) takes all parameters in one text and parts them at commas, so that one option may hold several; a comma in
 * quotes (a label's categories) or behind a backslash (a path of overlayfs) parts nothing. fsconfig(2) wants each alone,
 * without the quotes.
 */
function parameters(option: string): string[] {
  const found = option.match(/(?:"[^"]*"|\\.|[^,])+/gs) ?? [];
  return found.map((parameter) => parameter.replace(/^([^=]+=)"([^"]*)"$/s, "$1$2"));
}
