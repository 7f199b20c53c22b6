/* What every guest of this folder does, see ../README.md; on top of our header alone, and with a C library for WASI. */

#include "wapc.h"

#ifdef __wasi__
#include "library.h"
#endif

static wapc_result wapc_handle(wapc_bytes operation, wapc_bytes payload) {
    if (wapc_equal(operation, WAPC_TEXT("echo"))) return wapc_reply(payload);
    if (wapc_equal(operation, WAPC_TEXT("callback")))
        return wapc_host_call(WAPC_TEXT("default"), WAPC_TEXT("example:echo"), WAPC_TEXT("Callback"), payload);
    if (wapc_equal(operation, WAPC_TEXT("log"))) {
        wapc_console_log(payload);
        return wapc_reply(WAPC_TEXT(""));
    }
    if (wapc_equal(operation, WAPC_TEXT("fail")))
        return wapc_fail(payload.size > 0 ? payload : WAPC_TEXT("asked to fail, without a reason"));
    if (wapc_equal(operation, WAPC_TEXT("crash"))) __builtin_trap();
#ifdef __wasi__
    if (wapc_equal(operation, WAPC_TEXT("print"))) return print(payload);
    if (wapc_equal(operation, WAPC_TEXT("open"))) return open_file(payload);
    if (wapc_equal(operation, WAPC_TEXT("time"))) return tell_time();
    if (wapc_equal(operation, WAPC_TEXT("exit"))) return leave(payload);
#endif
    return wapc_fail(WAPC_TEXT("this guest has no such operation"));
}
