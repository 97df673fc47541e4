/* The shortest function: says when it began to run, in CLOCK_MONOTONIC nanoseconds. */
#include <time.h>
#include <unistd.h>

int main(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long ns = now.tv_sec * 1000000000LL + now.tv_nsec;
    return write(1, &ns, sizeof ns) != sizeof ns;
}
