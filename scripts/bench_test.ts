import { assertEquals } from "@std/assert";
import { quantile, row } from "./bench.ts";

Deno.test("quantile() lies between the values when none stands at its place", () => {
  assertEquals(quantile([1, 2, 3, 4], 0.5), 2.5);
  assertEquals(quantile([1, 2, 3, 4, 5], 0.25), 2);
  assertEquals(quantile([7], 0.75), 7);
});

Deno.test("row() gives the median, the spread and the median of the ratios of each round", () => {
  assertEquals(
    row([20, 30, 40], { runc: [10, 30, 10] }).replace(/ +/g, " "),
    " 30.0 ms (25.0–35.0) 2.00 × runc",
  );
  assertEquals(row([20, 30, 40], {}).trim().replace(/ +/g, " "), "30.0 ms (25.0–35.0)");
  assertEquals(row([20, 30, 40], { runc: [10, 30] }).includes("runc"), false);
});
