/** Why dunc may differ from runc 1.1.5, in the words that rows share. */

/** runc 1.5 reads command lines with another parser, and dunc follows it. */
export const PARSER =
  "runc 1.5's parser takes flags behind the arguments and global flags behind the command";

export const PLACE = "dunc names the place in config.json instead of runc's own step";

export const EARLIER = "dunc refuses it before anything is made";

export const JSON_PLACE = "dunc says where the document is wrong, Go what its decoder met";

export const V15 = "words of runc 1.5";

export const IDS = "dunc refuses what is no plain number from 0 to 4294967294 (issue 3, CVE-2026-30892)";
