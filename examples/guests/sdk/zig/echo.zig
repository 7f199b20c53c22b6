//! What every guest of this folder does, see ../README.md; on the bare protocol, as there is no package for it.

const std = @import("std");

extern "wapc" fn __guest_request(operation: [*]u8, payload: [*]u8) void;
extern "wapc" fn __guest_response(data: [*]const u8, size: usize) void;
extern "wapc" fn __guest_error(data: [*]const u8, size: usize) void;
extern "wapc" fn __host_call(
    binding: [*]const u8,
    binding_size: usize,
    namespace: [*]const u8,
    namespace_size: usize,
    operation: [*]const u8,
    operation_size: usize,
    payload: [*]const u8,
    payload_size: usize,
) i32;
extern "wapc" fn __host_response_len() usize;
extern "wapc" fn __host_response(data: [*]u8) void;
extern "wapc" fn __host_error_len() usize;
extern "wapc" fn __host_error(data: [*]u8) void;
extern "wapc" fn __console_log(data: [*]const u8, size: usize) void;

/// A reply, or the text of an error.
const Outcome = union(enum) { reply: []const u8, failure: []const u8 };

/// The memory of the current call: kept for the next one.
var arena = std.heap.ArenaAllocator.init(std.heap.wasm_allocator);

/// Makes the message of a panic the call's error, before the trap.
pub const panic = std.debug.FullPanic(struct {
    fn report(message: []const u8, _: ?usize) noreturn {
        __guest_error(message.ptr, message.len);
        @trap();
    }
}.report);

export fn __guest_call(operation_size: usize, payload_size: usize) i32 {
    _ = arena.reset(.retain_capacity);
    const outcome = serve(operation_size, payload_size) catch
        Outcome{ .failure = "the module has no memory left for this call" };
    switch (outcome) {
        .reply => |reply| __guest_response(reply.ptr, reply.len),
        .failure => |text| __guest_error(text.ptr, text.len),
    }
    return @intFromBool(outcome == .reply);
}

fn serve(operation_size: usize, payload_size: usize) !Outcome {
    const operation = try arena.allocator().alloc(u8, operation_size);
    const payload = try arena.allocator().alloc(u8, payload_size);
    __guest_request(operation.ptr, payload.ptr);
    return handle(operation, payload);
}

fn handle(operation: []const u8, payload: []const u8) !Outcome {
    if (std.mem.eql(u8, operation, "echo")) return .{ .reply = payload };
    if (std.mem.eql(u8, operation, "callback")) return hostCall("default", "example:echo", "Callback", payload);
    if (std.mem.eql(u8, operation, "log")) {
        __console_log(payload.ptr, payload.len);
        return .{ .reply = "" };
    }
    if (std.mem.eql(u8, operation, "fail")) {
        return .{ .failure = if (payload.len > 0) payload else "asked to fail, without a reason" };
    }
    if (std.mem.eql(u8, operation, "crash")) std.debug.panic("crashed: {s}", .{payload});
    return .{ .failure = "this guest has no such operation" };
}

/// Calls the host. Anything but 1 is a failure.
fn hostCall(binding: []const u8, namespace: []const u8, operation: []const u8, payload: []const u8) !Outcome {
    const answer = __host_call(
        binding.ptr,
        binding.len,
        namespace.ptr,
        namespace.len,
        operation.ptr,
        operation.len,
        payload.ptr,
        payload.len,
    );
    if (answer != 1) return .{ .failure = try hostError() };
    const reply = try arena.allocator().alloc(u8, __host_response_len());
    __host_response(reply.ptr);
    return .{ .reply = reply };
}

/// Some hosts report the length of an error's text in characters and write it in UTF-8: there is room for three bytes a
/// character, zeroed because it is not known how many of them are written.
fn hostError() ![]const u8 {
    const size = __host_error_len();
    const text = try arena.allocator().alloc(u8, try std.math.mul(usize, size, 3));
    @memset(text, 0);
    __host_error(text.ptr);
    var end = text.len;
    while (end > size and text[end - 1] == 0) end -= 1;
    return text[0..end];
}
