// What every guest of this folder does, see ../../README.md; on top of `@wapc/as-guest`.

import { Result, consoleLog, handleAbort, handleCall, hostCall, register } from "@wapc/as-guest";

register("echo", (payload: ArrayBuffer): Result<ArrayBuffer> => Result.ok<ArrayBuffer>(payload));

register("callback", (payload: ArrayBuffer): Result<ArrayBuffer> =>
  hostCall("default", "example:echo", "Callback", payload));

register("log", (payload: ArrayBuffer): Result<ArrayBuffer> => {
  consoleLog(String.UTF8.decode(payload));
  return Result.ok<ArrayBuffer>(new ArrayBuffer(0));
});

register("fail", (payload: ArrayBuffer): Result<ArrayBuffer> => {
  const text = String.UTF8.decode(payload);
  return Result.error<ArrayBuffer>(new Error(text.length > 0 ? text : "asked to fail, without a reason"));
});

register("crash", (payload: ArrayBuffer): Result<ArrayBuffer> => {
  throw new Error("crashed: " + String.UTF8.decode(payload));
});

export function __guest_call(operationSize: usize, payloadSize: usize): bool {
  return handleCall(operationSize, payloadSize);
}

// In place of the runtime's own where the compiler is told `--use abort=assembly/index/abort`: makes the message the call's
// error. The trap follows as it would without.
function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  handleAbort(message, file, line, column);
}
