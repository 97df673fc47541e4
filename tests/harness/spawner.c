/* The reference launcher: posix_spawn from C, at a gate like that of bench/emulator/launcher.py.
 * For each byte on stdin it stamps the clock, spawns argv[1] with stdout on descriptor 1, waits
 * for it, and writes the stamp to descriptor 3. */
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char gate;
    char *environment[] = {"LANG=C", 0};
    (void)argc;
    while (read(0, &gate, 1) == 1) {
        struct timespec now;
        pid_t pid;
        int status;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (posix_spawn(&pid, argv[1], 0, 0, argv + 1, environment) != 0) return 1;
        if (waitpid(pid, &status, 0) != pid) return 1;
        long long ns = now.tv_sec * 1000000000LL + now.tv_nsec;
        if (write(3, &ns, sizeof ns) != sizeof ns) return 1;
    }
    return 0;
}
