#include "train/signals.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
    if (number == SIGINT && stop_signal == SIGINT) _exit(128 + SIGINT);
    stop_signal = number;
}

void signals_install(void)
{
    struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigemptyset(&act.sa_mask);
    static const int stopping[] = { SIGINT, SIGTERM, SIGUSR1, SIGXCPU };
    for (size_t i = 0; i < sizeof stopping / sizeof *stopping; i++) sigaction(stopping[i], &act, NULL);
    act.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &act, NULL);
    sigaction(SIGXFSZ, &act, NULL);
}

bool signals_stop(void) { return stop_signal != 0; }
int  signals_which(void) { return stop_signal; }
