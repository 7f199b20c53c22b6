// The same guest, which leaves to the host what the language's runtime leaves to it: `abort`, `trace` and `seed`.

import { Result, register } from "@wapc/as-guest";

export { __guest_call } from "./index";

register("trace", (payload: ArrayBuffer): Result<ArrayBuffer> => {
  trace(String.UTF8.decode(payload), 2, 1.5, -2);
  return Result.ok<ArrayBuffer>(new ArrayBuffer(0));
});

register("random", (payload: ArrayBuffer): Result<ArrayBuffer> =>
  Result.ok<ArrayBuffer>(String.UTF8.encode(Math.random().toString())));
