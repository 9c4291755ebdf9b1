import { assertEquals } from "@std/assert";
import { addressQuery, lastingAddresses, linkOf, linkQuery, renameMessage } from "./netlink.ts";

/** Hexadecimal digits, spaces for people. */
const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(text.replaceAll(/\s/g, ""));

Deno.test("linkQuery() and renameMessage() carry the name with its NUL, padded to four bytes", () => {
  const query = "28000000 1200 0500 00000000 00000000 00000000 00000000 00000000 00000000 0700 0300 65746800";
  // An attribute's length is that without the padding: 4 + 3 + 1.
  const padded = query.replace("0700 0300", "0800 0300");
  assertEquals(linkQuery("eth").toHex(), hex(padded).toHex());
  const message = renameMessage("lan01", true);
  assertEquals(message.length, 32 + 12);
  assertEquals(message.subarray(0, 8).toHex(), hex("2c000000 1000 0500").toHex());
  assertEquals(message.subarray(24, 32).toHex(), hex("01000000 01000000").toHex());
  assertEquals(message.subarray(32).toHex(), hex("0a00 0300 6c616e303100 0000").toHex());
  assertEquals(renameMessage("lan01", false).subarray(24, 32).toHex(), hex("0000000000000000").toHex());
});

Deno.test("addressQuery() asks for all addresses of all families", () => {
  assertEquals(
    addressQuery().toHex(),
    hex("18000000 1600 0103 00000000 00000000 00 00 00 00 00000000").toHex(),
  );
});

/** An RTM_NEWADDR of device 5 for 10.0.0.N/24, with IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_CACHEINFO and, unless 0, IFA_FLAGS. */
function answer(last: string, { device = "05", scope = "00", narrow = "80", wide = "" } = {}): string {
  const attributes = `0800 0100 0a0000${last} 0800 0200 0a0000${last} 0900 0300 6574683000 000000 ` +
    `1400 0600 ffffffff ffffffff 00000000 00000000 ${wide === "" ? "" : `0800 0800 ${wide}`}`;
  const size = 24 + hex(attributes).length;
  return `${
    size.toString(16)
  }000000 1400 0200 00000000 00000000 02 18 ${narrow} ${scope} ${device}000000 ${attributes}`;
}

Deno.test("lastingAddresses() takes the permanent ones of global scope of the one device", () => {
  const dump = hex([
    answer("01"),
    answer("02", { scope: "fd" }),
    answer("03", { narrow: "00" }),
    answer("04", { device: "06" }),
    // The wide flags count where there are any: noprefixroute, and permanent or not.
    answer("05", { narrow: "00", wide: "80020000" }),
    answer("06", { wide: "00020000" }),
  ].join(""));
  const added = (last: string, flags: string) =>
    hex(
      "30000000 1400 0506 00000000 00000000 02 18 00 00 00000000 " +
        `0800 0100 0a0000${last} 0800 0200 0a0000${last} 0800 0800 ${flags}`,
    ).toHex();
  assertEquals(
    lastingAddresses(dump, 5).map((message) => message.toHex()),
    [added("01", "00000000"), added("05", "00020000")],
  );
  assertEquals(lastingAddresses(dump, 7), []);
});

Deno.test("linkOf() finds the device of an answer; what is cut off or of another kind is none", () => {
  const link = (flags: string) =>
    hex(`20000000 1000 0000 00000000 00000000 0000 0100 2a000000 ${flags} 00000000`);
  assertEquals(linkOf(link("43100100")), { index: 42, up: true });
  assertEquals(linkOf(link("02100000")), { index: 42, up: false });
  for (let size = 0; size < 32; size++) assertEquals(linkOf(link("00000000").subarray(0, size)), undefined);
  assertEquals(linkOf(hex(answer("01"))), undefined);
  assertEquals(linkOf(new Uint8Array(64)), undefined);
});
