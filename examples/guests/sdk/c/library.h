/* What the guest with a C library does beside the others: each operation goes through the library to a function of WASI. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The payload on standard output, in pieces and within a line of its own, and on standard error. */
static wapc_result print(wapc_bytes payload) {
    int size = (int)payload.size;
    const char *text = (const char *)payload.data;
    printf("%d bytes: ", size);
    printf("%.*s\nand no more", size, text);
    fprintf(stderr, "error: %.*s\n", size, text);
    return fflush(stdout) == 0 ? wapc_reply(WAPC_TEXT("")) : wapc_fail(WAPC_TEXT("standard output is not there"));
}

/* Opens the file that the payload names, for reading. A guest that was given no files finds none. */
static wapc_result open_file(wapc_bytes payload) {
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)payload.size, (const char *)payload.data);
    FILE *file = fopen(name, "r");
    if (file == NULL) return wapc_fail(WAPC_TEXT("there is no such file"));
    fclose(file);
    return wapc_reply(WAPC_TEXT(""));
}

/* The seconds since 1970, as text. */
static wapc_result tell_time(void) {
    struct timespec now;
    static char text[32];
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return wapc_fail(errno == ENOSYS ? WAPC_TEXT("there is no clock") : WAPC_TEXT("the clock is broken"));
    int size = snprintf(text, sizeof text, "%lld", (long long)now.tv_sec);
    return wapc_reply((wapc_bytes){(const uint8_t *)text, (size_t)size});
}

/* Leaves with the code that the payload's first byte is, after a line that the library still has to write. */
static wapc_result leave(wapc_bytes payload) {
    printf("leaving");
    exit(payload.size > 0 ? payload.data[0] : EXIT_SUCCESS);
}
