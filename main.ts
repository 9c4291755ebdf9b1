import { main } from "./src/cli/main.ts";

// Not awaited: the build for a plain `deno` makes a script of it, which has no top-level await.
main(Deno.args).then((code) => Deno.exit(code));
