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
  | { readonly atime: number }
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
  norelatime: { atime: MOUNT_ATTR_RELATIME },
  noatime: { atime: MOUNT_ATTR_NOATIME },
  atime: { atime: MOUNT_ATTR_RELATIME },
  strictatime: { atime: MOUNT_ATTR_STRICTATIME },
  nostrictatime: { atime: MOUNT_ATTR_RELATIME },
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
  iversion: { super: "iversion" },
  noiversion: { without: "iversion" },
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
  return [...new Set([...names, ...recursive])].filter((name) => name !== "ignored").sort();
}

/**
 * Read the options of one mount. A later option overrides an earlier one of the same kind; what no row knows is
 * the file system's. Every atime option clears the whole atime field first (mount_setattr(2), MOUNT_ATTR__ATIME).
 */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const plain = { set: 0, clr: 0 };
  const tree = { set: 0, clr: 0 };
  const words = new Set<string>();
  const propagation: { flag: number; recursive: boolean }[] = [];
  const superFlags = new Set<string>();
  const data: string[] = [];
  for (const option of options) {
    const found = rowOf(option);
    if (found === undefined) {
      if (option !== "") data.push(option);
      continue;
    }
    const { row, recursive } = found;
    const bits = recursive ? tree : plain;
    if ("attr" in row) setBits(bits, row.clear ? 0 : row.attr, row.attr);
    else if ("atime" in row) setBits(bits, row.atime, MOUNT_ATTR__ATIME);
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
    attrSet: plain.set,
    attrClr: plain.clr,
    recursiveSet: tree.set,
    recursiveClr: tree.clr,
    propagation,
    superFlags: [...superFlags],
    data,
    tmpcopyup: words.has("tmpcopyup"),
    idmap: words.has("ridmap") ? "ridmap" : words.has("idmap") ? "idmap" : undefined,
  };
}

/** Let the bits of `mask` be `value`: what is set is cleared first only in a field of several bits. */
function setBits(bits: { set: number; clr: number }, value: number, mask: number): void {
  bits.set = (bits.set & ~mask) | value;
  const field = (mask & (mask - 1)) !== 0;
  bits.clr = field ? bits.clr | mask : (bits.clr & ~mask) | (value === 0 ? mask : 0);
}
