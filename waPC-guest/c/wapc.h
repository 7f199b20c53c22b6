/* The guest's side of waPC in C: everything that a module needs so that a host can call it, and so that it can call its host.
 *
 * Include this in one source file and write `wapc_handle` there. No library is needed beneath it, and any may be there:
 *
 *   clang --target=wasm32 -O2 -ffreestanding -nostdlib -Wl,--no-entry -o guest.wasm guest.c
 *
 * Whatever `wapc_handle` returns becomes the one reply or the one error that the protocol asks for. */
#ifndef WAPC_H
#define WAPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of somebody else's: a name, a payload, a text in UTF-8. Not terminated by a zero. */
typedef struct { const uint8_t *data; size_t size; } wapc_bytes;
/* A reply, or the text of an error. */
typedef struct { bool ok; wapc_bytes bytes; } wapc_result;

/* The bytes of a string literal. */
#define WAPC_TEXT(literal) ((wapc_bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

/* Yours to write: answers one call. Its arguments and all that was allocated go when the host calls again. */
static wapc_result wapc_handle(wapc_bytes operation, wapc_bytes payload);

#define WAPC_IMPORT(name) __attribute__((import_module("wapc"), import_name(#name))) extern
WAPC_IMPORT(__guest_request) void wapc_guest_request(uint8_t *operation, uint8_t *payload);
WAPC_IMPORT(__guest_response) void wapc_guest_response(const uint8_t *data, size_t size);
WAPC_IMPORT(__guest_error) void wapc_guest_error(const uint8_t *data, size_t size);
WAPC_IMPORT(__host_call) int32_t wapc_host_call_raw(
    const uint8_t *binding, size_t binding_size, const uint8_t *space, size_t space_size,
    const uint8_t *operation, size_t operation_size, const uint8_t *payload, size_t payload_size);
WAPC_IMPORT(__host_response_len) size_t wapc_host_response_size(void);
WAPC_IMPORT(__host_response) void wapc_host_response(uint8_t *data);
WAPC_IMPORT(__host_error_len) size_t wapc_host_error_size(void);
WAPC_IMPORT(__host_error) void wapc_host_error(uint8_t *data);
WAPC_IMPORT(__console_log) void wapc_console_log_raw(const uint8_t *data, size_t size);

static inline wapc_result wapc_reply(wapc_bytes reply) { return (wapc_result){true, reply}; }
static inline wapc_result wapc_fail(wapc_bytes text) { return (wapc_result){false, text}; }

/* Writes a line to the host's console or log. */
static inline void wapc_console_log(wapc_bytes text) { wapc_console_log_raw(text.data, text.size); }

static inline bool wapc_equal(wapc_bytes a, wapc_bytes b) {
    if (a.size != b.size) return false;
    for (size_t at = 0; at < a.size; at++) if (a.data[at] != b.data[at]) return false;
    return true;
}

/* The memory of the current call: pages of its own, so that an allocator may be beside it, which every call uses anew. */
static struct { uintptr_t start, next, end; } wapc_memory;

/* Bytes that are there until the host calls again, not zeroed; NULL when the module may have no more. */
static inline uint8_t *wapc_allocate(size_t size) {
    const size_t page = 65536, aligned = (size + 15) & ~(size_t)15;
    if (aligned < size) return NULL;
    if (aligned > wapc_memory.end - wapc_memory.next || wapc_memory.end == 0) {
        size_t pages = aligned / page + 1, before = __builtin_wasm_memory_grow(0, pages);
        if (before == SIZE_MAX) return NULL;
        if (before * page != wapc_memory.end) wapc_memory.start = wapc_memory.next = before * page;
        wapc_memory.end = (before + pages) * page;
    }
    uint8_t *data = (uint8_t *)wapc_memory.next;
    wapc_memory.next += aligned;
    return data;
}

/* Some hosts report the length of an error's text in characters and write it in UTF-8: there is room for three bytes a
 * character, zeroed because it is not known how many of them are written. */
static inline wapc_result wapc_host_failure(void) {
    size_t size = wapc_host_error_size(), room = size * 3;
    uint8_t *text = size <= SIZE_MAX / 3 ? wapc_allocate(room) : NULL;
    if (text == NULL) return wapc_fail(WAPC_TEXT("the text of the host's error does not fit into the module's memory"));
    for (size_t at = 0; at < room; at++) text[at] = 0;
    if (size > 0) wapc_host_error(text);
    while (room > size && text[room - 1] == 0) room--;
    return wapc_fail((wapc_bytes){text, room});
}

/* Calls the host: its reply, or the text of its error. Anything but 1 is a failure. */
static inline wapc_result wapc_host_call(wapc_bytes binding, wapc_bytes space, wapc_bytes operation, wapc_bytes payload) {
    if (wapc_host_call_raw(binding.data, binding.size, space.data, space.size,
                           operation.data, operation.size, payload.data, payload.size) != 1)
        return wapc_host_failure();
    size_t size = wapc_host_response_size();
    uint8_t *reply = wapc_allocate(size);
    if (reply == NULL) return wapc_fail(WAPC_TEXT("the host's reply does not fit into the module's memory"));
    if (size > 0) wapc_host_response(reply);
    return wapc_reply((wapc_bytes){reply, size});
}

/* What the host calls. Returns 1 after a reply and 0 after an error, of which there is exactly one. */
__attribute__((export_name("__guest_call"))) int32_t wapc_guest_call(size_t operation_size, size_t payload_size) {
    wapc_memory.next = wapc_memory.start;
    uint8_t *operation = wapc_allocate(operation_size), *payload = wapc_allocate(payload_size);
    wapc_result result = wapc_fail(WAPC_TEXT("the payload does not fit into the module's memory"));
    if (operation != NULL && payload != NULL) {
        wapc_guest_request(operation, payload);
        result = wapc_handle((wapc_bytes){operation, operation_size}, (wapc_bytes){payload, payload_size});
    }
    if (result.ok) wapc_guest_response(result.bytes.data, result.bytes.size);
    else wapc_guest_error(result.bytes.data, result.bytes.size);
    return result.ok;
}

#endif
