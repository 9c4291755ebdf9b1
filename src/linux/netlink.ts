/**
 * Messages of rtnetlink(7), as far as moving a network device needs them. Each request asks for an answer, so that a
 * conversation ends with NLMSG_ERROR (0 is "done") or NLMSG_DONE. Numbers have the byte order of the host; both
 * architectures of this project are little-endian.
 */

const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_DUMP = 0x300;
const NLM_F_CREATE_NEW = 0x400 | 0x200;

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;

const IFLA_IFNAME = 3;
const IFF_UP = 1;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const IFA_FLAGS = 8;
const IFA_RT_PRIORITY = 9;

const IFA_F_PERMANENT = 0x80;
/** What was asked for with an address, unlike what became of it: nodad, mngtmpaddr, noprefixroute, autojoin. */
const IFA_F_WISHES = 0x02 | 0x100 | 0x200 | 0x400;
const RT_SCOPE_UNIVERSE = 0;

/** The bytes before a message's attributes: nlmsghdr, and ifinfomsg or ifaddrmsg. */
const LINK_HEAD = 16 + 16;
const ADDRESS_HEAD = 16 + 8;
/** Where both have the device's index. */
const INDEX_AT = 20;
/** Where ifinfomsg has its flags. */
const FLAGS_AT = 24;

interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
}

/** Ask for one device by its name. */
export function linkQuery(name: string): Uint8Array<ArrayBuffer> {
  return linkMessage(RTM_GETLINK, 0, name);
}

/** Ask for the addresses of every device: before 4.20 the kernel knows no narrower question. */
export function addressQuery(): Uint8Array<ArrayBuffer> {
  return message(RTM_GETADDR, NLM_F_DUMP, new Uint8Array(ADDRESS_HEAD - 16), []);
}

/** Give a device another name, and with `up` set it up. The device's index belongs at byte 20. */
export function renameMessage(name: string, up: boolean): Uint8Array<ArrayBuffer> {
  return linkMessage(RTM_NEWLINK, up ? IFF_UP : 0, name);
}

function linkMessage(type: number, flags: number, name: string): Uint8Array<ArrayBuffer> {
  const head = new DataView(new ArrayBuffer(LINK_HEAD - 16));
  head.setUint32(8, flags, true);
  head.setUint32(12, flags, true);
  const value = new TextEncoder().encode(`${name}\0`);
  return message(type, NLM_F_ACK, new Uint8Array(head.buffer), [{ type: IFLA_IFNAME, value }]);
}

/** A device as rtnetlink shows it. */
export interface Link {
  readonly index: number;
  /** It is set up. */
  readonly up: boolean;
}

/** The device in the answer to `linkQuery`. */
export function linkOf(answer: Uint8Array): Link | undefined {
  const found = messagesOf(answer).find(({ type, bytes }) =>
    type === RTM_NEWLINK && bytes.length >= LINK_HEAD
  );
  if (found === undefined) return undefined;
  return { index: found.index, up: (viewOf(found.bytes).getUint32(FLAGS_AT, true) & IFF_UP) !== 0 };
}

/**
 * From the answer to `addressQuery`: the addresses of a device that go with it to another namespace (config-linux.md
 * "Network Devices": permanent, and of global scope), each as the message that adds it again there. The device's
 * index belongs at byte 20.
 */
export function lastingAddresses(answer: Uint8Array, device: number): Uint8Array<ArrayBuffer>[] {
  return messagesOf(answer).flatMap(({ type, index, bytes }) => {
    if (type !== RTM_NEWADDR || index !== device) return [];
    const [family, prefix, oldFlags, scope] = bytes.subarray(16, 20);
    const attributes = attributesOf(bytes.subarray(ADDRESS_HEAD));
    const wide = attributes.find((attribute) => attribute.type === IFA_FLAGS)?.value;
    const flags = wide === undefined ? oldFlags! : viewOf(wide).getUint32(0, true);
    if ((flags & IFA_F_PERMANENT) === 0 || scope !== RT_SCOPE_UNIVERSE) return [];
    const kept = attributes.filter(({ type }) =>
      [IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_RT_PRIORITY].includes(type)
    );
    const wishes = new Uint8Array(Uint32Array.of(flags & IFA_F_WISHES).buffer);
    const head = Uint8Array.of(family!, prefix!, 0, RT_SCOPE_UNIVERSE, 0, 0, 0, 0);
    const flag = NLM_F_ACK | NLM_F_CREATE_NEW;
    return [message(RTM_NEWADDR, flag, head, [...kept, { type: IFA_FLAGS, value: wishes }])];
  });
}

function message(
  type: number,
  flags: number,
  head: Uint8Array,
  attributes: readonly Attribute[],
): Uint8Array<ArrayBuffer> {
  const size = 16 + head.length + attributes.reduce((sum, { value }) => sum + aligned(4 + value.length), 0);
  const bytes = new Uint8Array(size);
  const view = viewOf(bytes);
  view.setUint32(0, size, true);
  view.setUint16(4, type, true);
  view.setUint16(6, NLM_F_REQUEST | flags, true);
  bytes.set(head, 16);
  let at = 16 + head.length;
  for (const { type, value } of attributes) {
    view.setUint16(at, 4 + value.length, true);
    view.setUint16(at + 2, type, true);
    bytes.set(value, at + 4);
    at += aligned(4 + value.length);
  }
  return bytes;
}

interface Message {
  readonly type: number;
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** The messages of an answer that are about a device. */
function messagesOf(answer: Uint8Array): Message[] {
  const messages: Message[] = [];
  const view = viewOf(answer);
  for (let at = 0; at + ADDRESS_HEAD <= answer.length;) {
    const size = view.getUint32(at, true);
    if (size < ADDRESS_HEAD || at + size > answer.length) break;
    const bytes = answer.subarray(at, at + size);
    messages.push({ type: view.getUint16(at + 4, true), index: view.getUint32(at + INDEX_AT, true), bytes });
    at += aligned(size);
  }
  return messages;
}

function attributesOf(bytes: Uint8Array): Attribute[] {
  const attributes: Attribute[] = [];
  const view = viewOf(bytes);
  for (let at = 0; at + 4 <= bytes.length;) {
    const size = view.getUint16(at, true);
    if (size < 4 || at + size > bytes.length) break;
    attributes.push({ type: view.getUint16(at + 2, true), value: bytes.subarray(at + 4, at + size) });
    at += aligned(size);
  }
  return attributes;
}

const aligned = (size: number): number => Math.ceil(size / 4) * 4;
const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
